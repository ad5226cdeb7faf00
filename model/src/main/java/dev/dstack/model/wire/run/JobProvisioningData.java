package dev.dstack.model.wire.run;

import dev.dstack.model.json.Default;
import dev.dstack.model.wire.common.BackendName;
import dev.dstack.model.wire.instance.GpuDriverInfo;
import dev.dstack.model.wire.instance.InstanceType;
import dev.dstack.model.wire.instance.SshConnectionParams;
import org.jspecify.annotations.Nullable;

public record JobProvisioningData(
    BackendName backend,
    @Nullable BackendName baseBackend,
    InstanceType instanceType,
    String instanceId,
    @Nullable String hostname,
    @Nullable String internalIp,
    @Default("true") boolean publicIpEnabled,
    @Nullable String instanceNetwork,
    String region,
    @Nullable String availabilityZone,
    @Nullable String reservation,
    double price,
    String username,
    @Nullable Integer sshPort,
    boolean dockerized,
    @Nullable SshConnectionParams sshProxy,
    @Nullable String backendData,
    @Nullable GpuDriverInfo gpuDriver) {}
