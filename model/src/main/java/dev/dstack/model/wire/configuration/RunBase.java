package dev.dstack.model.wire.configuration;

import dev.dstack.model.json.Default;
import dev.dstack.model.json.Frozen;
import dev.dstack.model.wire.resources.ResourcesSpec;
import java.util.List;
import org.jspecify.annotations.Nullable;

public record RunBase(
    @Nullable String name,
    @Nullable String image,
    @Nullable String user,
    @Default("false") boolean privileged,
    @Nullable String entrypoint,
    @Nullable String workingDir,
    @Default("'/root'") String homeDir,
    @Nullable RegistryAuth registryAuth,
    @Nullable PythonVersion python,
    @Nullable Boolean nvcc,
    @Nullable Boolean singleBranch,
    @Default("{}") Env env,
    @Nullable String shell,
    @Default("{}") ResourcesSpec resources,
    @Nullable Integer priority,
    @Default("[]") List<MountPoint> volumes,
    @Nullable Boolean docker,
    @Default("[]") List<RepoSpec> repos,
    @Default("[]") List<FilePathMapping> files,
    @Default("false") boolean dstack,
    @Default("[]") List<String> setup) {
  public RunBase {
    volumes = Frozen.list(volumes);
    repos = Frozen.list(repos);
    files = Frozen.list(files);
    setup = Frozen.list(setup);
  }
}
