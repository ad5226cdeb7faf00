package dev.dstack.model.wire.configuration;

import dev.dstack.model.json.Literal;

@Literal(property = "type", value = "lets-encrypt")
public record LetsEncryptGatewayCertificate() implements GatewayCertificate {}
