package dev.dstack.model.json;

import java.lang.annotation.ElementType;
import java.lang.annotation.Repeatable;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * A field with one possible value, such as {@code type: task}. It is always written and is not a
 * component.
 */
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.TYPE)
@Repeatable(Literal.All.class)
public @interface Literal {
  String property();

  String value();

  /** The index of the component before which it is written. */
  int at() default 0;

  /** Other spellings that are read, never written. */
  String[] aliases() default {};

  /** Whether it must be present when the type is already known from where it stands. */
  boolean required() default false;

  @Retention(RetentionPolicy.RUNTIME)
  @Target(ElementType.TYPE)
  @interface All {
    Literal[] value();
  }
}
