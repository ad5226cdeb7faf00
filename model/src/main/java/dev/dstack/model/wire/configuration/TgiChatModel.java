package dev.dstack.model.wire.configuration;

import dev.dstack.model.json.Literal;
import org.jspecify.annotations.Nullable;

@Literal(property = "type", value = "chat")
@Literal(property = "format", value = "tgi", at = 1, required = true)
public record TgiChatModel(String name, @Nullable String chatTemplate, @Nullable String eosToken)
    implements ServiceModel {}
