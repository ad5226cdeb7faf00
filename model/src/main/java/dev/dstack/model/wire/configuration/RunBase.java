package dev.dstack.model.wire.configuration;

import dev.dstack.model.json.Default;
import dev.dstack.model.json.Frozen;
import dev.dstack.model.json.InvalidFieldException;
import dev.dstack.model.json.Shorthand;
import dev.dstack.model.json.Trees;
import dev.dstack.model.wire.resources.ResourcesSpec;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

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
    if (priority != null && (priority < 0 || priority > 100)) {
      throw new InvalidFieldException("priority", "it is a number from 0 to 100, not " + priority);
    }
    boolean hasImage = image != null && !image.isEmpty();
    boolean inDocker = docker != null && docker;
    exclude("python", python != null, "image", hasImage);
    exclude("docker", inDocker, "image", hasImage);
    exclude("docker", inDocker, "python", python != null);
    exclude("docker", inDocker, "nvcc", nvcc != null && nvcc);
    if (repos.size() > 1) {
      throw new InvalidFieldException("repos", "one repo is supported, not " + repos.size());
    }
    if (user != null) {
      checkUser(user);
    }
    if (shell != null && !shell.equals("sh") && !shell.equals("bash") && !shell.startsWith("/")) {
      throw new InvalidFieldException(
          "shell", "it is `sh`, `bash` or an absolute path, not " + shell);
    }
  }

  public RunBase withName(@Nullable String newName) {
    return new RunBase(
        newName,
        image,
        user,
        privileged,
        entrypoint,
        workingDir,
        homeDir,
        registryAuth,
        python,
        nvcc,
        singleBranch,
        env,
        shell,
        resources,
        priority,
        volumes,
        docker,
        repos,
        files,
        dstack,
        setup);
  }

  public RunBase withImage(@Nullable String newImage) {
    return new RunBase(
        name,
        newImage,
        user,
        privileged,
        entrypoint,
        workingDir,
        homeDir,
        registryAuth,
        python,
        nvcc,
        singleBranch,
        env,
        shell,
        resources,
        priority,
        volumes,
        docker,
        repos,
        files,
        dstack,
        setup);
  }

  public RunBase withUser(@Nullable String newUser) {
    return new RunBase(
        name,
        image,
        newUser,
        privileged,
        entrypoint,
        workingDir,
        homeDir,
        registryAuth,
        python,
        nvcc,
        singleBranch,
        env,
        shell,
        resources,
        priority,
        volumes,
        docker,
        repos,
        files,
        dstack,
        setup);
  }

  public RunBase withWorkingDir(@Nullable String newWorkingDir) {
    return new RunBase(
        name,
        image,
        user,
        privileged,
        entrypoint,
        newWorkingDir,
        homeDir,
        registryAuth,
        python,
        nvcc,
        singleBranch,
        env,
        shell,
        resources,
        priority,
        volumes,
        docker,
        repos,
        files,
        dstack,
        setup);
  }

  public RunBase withRegistryAuth(@Nullable RegistryAuth newRegistryAuth) {
    return new RunBase(
        name,
        image,
        user,
        privileged,
        entrypoint,
        workingDir,
        homeDir,
        newRegistryAuth,
        python,
        nvcc,
        singleBranch,
        env,
        shell,
        resources,
        priority,
        volumes,
        docker,
        repos,
        files,
        dstack,
        setup);
  }

  public RunBase withEnv(Env newEnv) {
    return new RunBase(
        name,
        image,
        user,
        privileged,
        entrypoint,
        workingDir,
        homeDir,
        registryAuth,
        python,
        nvcc,
        singleBranch,
        newEnv,
        shell,
        resources,
        priority,
        volumes,
        docker,
        repos,
        files,
        dstack,
        setup);
  }

  public RunBase withShell(@Nullable String newShell) {
    return new RunBase(
        name,
        image,
        user,
        privileged,
        entrypoint,
        workingDir,
        homeDir,
        registryAuth,
        python,
        nvcc,
        singleBranch,
        env,
        newShell,
        resources,
        priority,
        volumes,
        docker,
        repos,
        files,
        dstack,
        setup);
  }

  public RunBase withResources(ResourcesSpec newResources) {
    return new RunBase(
        name,
        image,
        user,
        privileged,
        entrypoint,
        workingDir,
        homeDir,
        registryAuth,
        python,
        nvcc,
        singleBranch,
        env,
        shell,
        newResources,
        priority,
        volumes,
        docker,
        repos,
        files,
        dstack,
        setup);
  }

  public RunBase withPriority(@Nullable Integer newPriority) {
    return new RunBase(
        name,
        image,
        user,
        privileged,
        entrypoint,
        workingDir,
        homeDir,
        registryAuth,
        python,
        nvcc,
        singleBranch,
        env,
        shell,
        resources,
        newPriority,
        volumes,
        docker,
        repos,
        files,
        dstack,
        setup);
  }

  public RunBase withVolumes(List<MountPoint> newVolumes) {
    return new RunBase(
        name,
        image,
        user,
        privileged,
        entrypoint,
        workingDir,
        homeDir,
        registryAuth,
        python,
        nvcc,
        singleBranch,
        env,
        shell,
        resources,
        priority,
        newVolumes,
        docker,
        repos,
        files,
        dstack,
        setup);
  }

  public RunBase withRepos(List<RepoSpec> newRepos) {
    return new RunBase(
        name,
        image,
        user,
        privileged,
        entrypoint,
        workingDir,
        homeDir,
        registryAuth,
        python,
        nvcc,
        singleBranch,
        env,
        shell,
        resources,
        priority,
        volumes,
        docker,
        newRepos,
        files,
        dstack,
        setup);
  }

  public RunBase withFiles(List<FilePathMapping> newFiles) {
    return new RunBase(
        name,
        image,
        user,
        privileged,
        entrypoint,
        workingDir,
        homeDir,
        registryAuth,
        python,
        nvcc,
        singleBranch,
        env,
        shell,
        resources,
        priority,
        volumes,
        docker,
        repos,
        newFiles,
        dstack,
        setup);
  }

  /** A YAML number loses the zero of 3.10. */
  @Shorthand
  static JsonNode expand(JsonNode node) {
    JsonNode python = node.get("python");
    boolean lostZero =
        python != null && python.isNumber() && "3.1".equals(Trees.scalarText(python));
    return lostZero ? Trees.with(Trees.copy(node), "python", Trees.text("3.10")) : node;
  }

  private static void exclude(String field, boolean set, String other, boolean otherSet) {
    if (set && otherSet) {
      throw new InvalidFieldException(
          field, "`" + other + "` and `" + field + "` exclude each other");
    }
  }

  /** {@code user[:group]} by name or by number. */
  private static void checkUser(String user) {
    boolean empty = user.isEmpty() || user.startsWith(":") || user.endsWith(":");
    boolean negative = user.startsWith("-") || user.contains(":-");
    if (empty || negative || user.chars().filter(c -> c == ':').count() > 1) {
      throw new InvalidFieldException("user", "write user or user:group, not '" + user + "'");
    }
  }

  /** A run about which nothing is said. */
  public static RunBase empty() {
    return new RunBase(
        null,
        null,
        null,
        false,
        null,
        null,
        "/root",
        null,
        null,
        null,
        null,
        Env.EMPTY,
        null,
        ResourcesSpec.defaults(),
        null,
        List.of(),
        null,
        List.of(),
        List.of(),
        false,
        List.of());
  }
}
