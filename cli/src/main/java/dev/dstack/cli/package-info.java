/**
 * The command line, main class {@link dev.dstack.cli.Main}. A command costs little: only the
 * picocli model of the command that was named is built, one plain socket carries HTTP, answers are
 * read as trees. It may use {@code model} and nothing of the server.
 *
 * <h2>Start-up cache</h2>
 *
 * {@code target/dist/lib} holds this jar and all it needs. The hidden command {@code __train} walks
 * through the usual commands against a canned server of its own, so one run of it fills a JDK 25
 * AOT cache:
 *
 * <pre>
 * java -XX:AOTCacheOutput=cli.aot -XX:+UseSerialGC -cp "$CP" dev.dstack.cli.Main __train
 * java -XX:AOTCache=cli.aot -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xshare:auto -cp "$CP" dev.dstack.cli.Main ps
 * </pre>
 *
 * {@code $CP} must be the same list of jars in the same order both times. A runtime image made by
 * jlink needs the modules {@code java.base}, {@code jdk.unsupported} (Ctrl-C) and, for the training
 * only, {@code jdk.httpserver}; {@code jdk.crypto.ec} is for servers behind https.
 */
@NullMarked
package dev.dstack.cli;

import org.jspecify.annotations.NullMarked;
