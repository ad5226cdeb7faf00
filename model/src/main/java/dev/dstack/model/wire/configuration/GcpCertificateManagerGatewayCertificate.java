package dev.dstack.model.wire.configuration;

import dev.dstack.model.json.Literal;

@Literal(property = "type", value = "gcp-cm")
public record GcpCertificateManagerGatewayCertificate(String name) implements GatewayCertificate {}
