package dev.dstack.workflows.support;

import dev.dstack.model.json.Json;
import io.temporal.common.converter.DataConverter;
import io.temporal.common.converter.DefaultDataConverter;
import io.temporal.common.converter.Jackson3JsonPayloadConverter;

/** How everything in a history is written: plain JSON that the Temporal Web UI shows as it is. */
public final class DataConverters {
  private DataConverters() {}

  public static DataConverter create() {
    return DefaultDataConverter.newDefaultInstance()
        .withPayloadConverterOverrides(new Jackson3JsonPayloadConverter(Json.lenient()));
  }
}
