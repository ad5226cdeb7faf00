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

  public RunSpec withRunName(@Nullable String newRunName) {
    return new RunSpec(
        newRunName,
        repoId,
        repoData,
        repoCodeHash,
        repoDir,
        fileArchives,
        workingDir,
        configurationPath,
        configuration,
        profile,
        sshKeyPub);
  }

  public RunSpec withConfiguration(RunConfiguration newConfiguration) {
    return new RunSpec(
        runName,
        repoId,
        repoData,
        repoCodeHash,
        repoDir,
        fileArchives,
        workingDir,
        configurationPath,
        newConfiguration,
        profile,
        sshKeyPub);
  }

  public RunSpec withProfile(@Nullable Profile newProfile) {
    return new RunSpec(
        runName,
        repoId,
        repoData,
        repoCodeHash,
        repoDir,
        fileArchives,
        workingDir,
        configurationPath,
        configuration,
        newProfile,
        sshKeyPub);
  }

  public RunSpec withSshKeyPub(@Nullable String newSshKeyPub) {
    return new RunSpec(
        runName,
        repoId,
        repoData,
        repoCodeHash,
        repoDir,
        fileArchives,
        workingDir,
        configurationPath,
        configuration,
        profile,
        newSshKeyPub);
  }

  public RunSpec withFileArchives(List<FileArchiveMapping> newFileArchives) {
    return new RunSpec(
        runName,
        repoId,
        repoData,
        repoCodeHash,
        repoDir,
        newFileArchives,
        workingDir,
        configurationPath,
        configuration,
        profile,
        sshKeyPub);
  }

  public RunSpec withRepo(@Nullable String newRepoId, @Nullable RunRepoData newRepoData) {
    return new RunSpec(
        runName,
        newRepoId,
        newRepoData,
        repoCodeHash,
        repoDir,
        fileArchives,
        workingDir,
        configurationPath,
        configuration,
        profile,
        sshKeyPub);
  }
}
