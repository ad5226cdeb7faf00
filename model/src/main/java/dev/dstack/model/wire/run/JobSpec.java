package dev.dstack.model.wire.run;

import dev.dstack.model.json.Default;
import dev.dstack.model.json.Frozen;
import dev.dstack.model.wire.configuration.Env;
import dev.dstack.model.wire.configuration.MountPoint;
import dev.dstack.model.wire.configuration.RegistryAuth;
import dev.dstack.model.wire.configuration.RepoExistsAction;
import dev.dstack.model.wire.configuration.UtilizationPolicy;
import dev.dstack.model.wire.file.FileArchiveMapping;
import dev.dstack.model.wire.repo.RunRepoData;
import java.util.List;
import org.jspecify.annotations.Nullable;

public record JobSpec(
    @Default("0") int replicaNum,
    int jobNum,
    String jobName,
    @Default("1") int jobsPerReplica,
    @Default("'0'") String replicaGroup,
    @Nullable List<AppSpec> appSpecs,
    @Nullable UnixUser user,
    List<String> commands,
    Env env,
    @Nullable String homeDir,
    String imageName,
    @Default("false") boolean privileged,
    @Nullable Boolean singleBranch,
    @Nullable Integer maxDuration,
    @Nullable Integer stopDuration,
    @Nullable UtilizationPolicy utilizationPolicy,
    @Nullable RegistryAuth registryAuth,
    Requirements requirements,
    @Nullable Retry retry,
    @Nullable List<MountPoint> volumes,
    @Nullable JobSshKey sshKey,
    @Nullable String workingDir,
    @Nullable RunRepoData repoData,
    @Nullable String repoCodeHash,
    @Default("'/workflow'") String repoDir,
    @Nullable RepoExistsAction repoExistsAction,
    @Default("[]") List<FileArchiveMapping> fileArchives,
    @Nullable Integer servicePort,
    @Default("[]") List<ProbeSpec> probes,
    @Default("0") int nodeGroupIndex,
    @Default("'0'") String nodeGroupName,
    @Default("0") int nodeGroupJobIndex) {
  public JobSpec {
    appSpecs = Frozen.listOrNull(appSpecs);
    commands = Frozen.list(commands);
    volumes = Frozen.listOrNull(volumes);
    fileArchives = Frozen.list(fileArchives);
    probes = Frozen.list(probes);
  }
}
