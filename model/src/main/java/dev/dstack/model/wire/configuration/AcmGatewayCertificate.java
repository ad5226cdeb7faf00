package dev.dstack.model.wire.configuration;

import dev.dstack.model.json.Literal;

@Literal(property = "type", value = "acm")
public record AcmGatewayCertificate(String arn) implements GatewayCertificate {}
