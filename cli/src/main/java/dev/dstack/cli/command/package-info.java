/**
 * The commands and what they are made of: a {@link dev.dstack.cli.command.Spec} says which options
 * one takes, {@link dev.dstack.cli.command.Args} holds those that were given. One class per
 * command; {@link dev.dstack.cli.command.Commands} finds it by its name without loading the others.
 */
@NullMarked
package dev.dstack.cli.command;

import org.jspecify.annotations.NullMarked;
