package dev.dstack.model.json;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * Marks the static method of a shape that turns what people may write into the full form: {@code
 * JsonNode -> JsonNode}. It returns its argument when there is nothing to expand, never changes it,
 * and throws {@link IllegalArgumentException} with a message for the writer.
 */
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.METHOD)
public @interface Shorthand {}
