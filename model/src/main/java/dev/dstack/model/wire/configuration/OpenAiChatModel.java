package dev.dstack.model.wire.configuration;

import dev.dstack.model.json.Default;
import dev.dstack.model.json.Literal;

@Literal(property = "type", value = "chat")
@Literal(property = "format", value = "openai", at = 1, required = true)
public record OpenAiChatModel(String name, @Default("'/v1'") String prefix)
    implements ServiceModel {}
