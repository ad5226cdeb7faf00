package dev.dstack.model.wire.run;

import dev.dstack.model.json.Default;
import dev.dstack.model.json.Frozen;
import dev.dstack.model.wire.configuration.Profile;
import dev.dstack.model.wire.configuration.RunConfiguration;
import dev.dstack.model.wire.file.FileArchiveMapping;
import dev.dstack.model.wire.repo.RunRepoData;
import java.util.List;
import org.jspecify.annotations.Nullable;

public record RunSpec(
    @Nullable String runName,
    @Nullable String repoId,
    @Nullable RunRepoData repoData,
    @Nullable String repoCodeHash,
    @Nullable String repoDir,
    @Default("[]") List<FileArchiveMapping> fileArchives,
    @Nullable String workingDir,
    @Nullable String configurationPath,
    RunConfiguration configuration,
    @Nullable Profile profile,
    @Nullable String sshKeyPub) {
  public RunSpec {
    fileArchives = Frozen.list(fileArchives);
  }
}
