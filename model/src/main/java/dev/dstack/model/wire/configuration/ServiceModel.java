package dev.dstack.model.wire.configuration;

import dev.dstack.model.json.Discriminator;
import dev.dstack.model.json.Shorthand;
import dev.dstack.model.json.Trees;
import tools.jackson.databind.JsonNode;

/** The model a service offers, also written as its name. */
@Discriminator("format")
public sealed interface ServiceModel permits TgiChatModel, OpenAiChatModel {
  String name();

  @Shorthand
  static JsonNode expand(JsonNode node) {
    return node.isString()
        ? Trees.with(Trees.object("name", node), "format", Trees.text("openai"))
        : node;
  }
}
