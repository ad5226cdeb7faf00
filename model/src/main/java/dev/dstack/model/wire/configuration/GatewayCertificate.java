package dev.dstack.model.wire.configuration;

import dev.dstack.model.json.Discriminator;

/** Where the certificates of a gateway come from. */
@Discriminator("type")
public sealed interface GatewayCertificate
    permits LetsEncryptGatewayCertificate,
        AcmGatewayCertificate,
        GcpCertificateManagerGatewayCertificate {}
