package dev.dstack.agent.docker;

import dev.dstack.model.agent.TaskExit;
import dev.dstack.model.job.JobTerminationReason;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What the engine's refusals mean for who wrote the configuration. */
final class Complaints {
  private static final Pattern NO_USER = Pattern.compile("unable to find (user|group) ([^:]+):");
  private static final Pattern PORT = Pattern.compile("(?:[0-9.]+|\\[[^]]*]):([0-9]{1,5})");
  private static final int MOST_WORDS = 400;

  private Complaints() {}

  static TaskExit ofPull(ImageReference image, String words, String architecture) {
    String text = words.toLowerCase(Locale.ROOT);
    String registry = image.registryName();
    if (has(text, "no space left on device", "disk quota exceeded")) {
      return notCreated(
          "image: there is no room for a layer of " + image + ", the disk of the host is full");
    }
    if (has(text, "no matching manifest")) {
      return notCreated(
          "image: " + image + " has no variant for this host, which is linux/" + architecture);
    }
    if (has(text, "toomanyrequests")) {
      return notCreated(
          "image: " + registry + " refuses more pulls for now; set registry_auth or a mirror");
    }
    if (has(
        text,
        "pull access denied",
        "unauthorized",
        "authentication required",
        "no basic auth credentials",
        "incorrect username or password",
        "denied: ")) {
      return notCreated(
          "image: "
              + registry
              + " denied access to "
              + image
              + ": it does not exist there, or registry_auth is missing or wrong");
    }
    if (has(text, "manifest unknown", "name unknown", "not found", "404")
        && !has(text, "no such host", "server misbehaving")) {
      return notCreated("image: there is no " + image + " in " + registry);
    }
    if (has(text, "server gave http response to https client")) {
      return notCreated(
          "image: "
              + registry
              + " speaks HTTP only; the host's Docker wants it among its insecure-registries");
    }
    if (has(
        text,
        "no such host",
        "connection refused",
        "i/o timeout",
        "tls handshake",
        "x509",
        "unreachable",
        "misbehaving",
        "client.timeout",
        "connection reset",
        ": eof")) {
      return notCreated(
          "image: the host can't reach " + registry + " for " + image + ": " + cut(words));
    }
    return notCreated("image: " + image + " could not be pulled: " + cut(words));
  }

  /** What another try may change. */
  static boolean isPassing(String words) {
    return has(
        words.toLowerCase(Locale.ROOT),
        "i/o timeout",
        "tls handshake timeout",
        "connection reset",
        "unexpected eof",
        "502 bad gateway",
        "503 service unavailable",
        "504 gateway",
        "client.timeout");
  }

  static TaskExit ofStart(String image, String words) {
    String text = words.toLowerCase(Locale.ROOT);
    Matcher nobody = NO_USER.matcher(words);
    if (nobody.find()) {
      return notCreated(
          "user: there is no "
              + nobody.group(1)
              + " '"
              + nobody.group(2)
              + "' in the image "
              + image
              + "; use one that it has, or a number");
    }
    if (has(
        text, "port is already allocated", "address already in use", "ports are not available")) {
      Matcher port = PORT.matcher(words);
      return new TaskExit(
          JobTerminationReason.PORTS_BINDING_FAILED,
          null,
          "ports: "
              + (port.find() ? "port " + port.group(1) : "a port")
              + " of the host is taken by something else");
    }
    if (has(text, "no space left on device")) {
      return notCreated("the disk of the host is full: the container could not be created");
    }
    if (has(text, "exec format error")) {
      return notCreated("image: " + image + " is made for another processor than this host's");
    }
    if (has(text, "could not select device driver")) {
      return notCreated(
          "gpu: the host's Docker can't hand over GPUs; install the NVIDIA Container Toolkit");
    }
    if (has(text, "docker-init")) {
      return notCreated(
          "the host's Docker is not complete, its docker-init is missing: " + cut(words));
    }
    return notCreated("the container could not be started: " + cut(words));
  }

  static TaskExit otherArchitecture(ImageReference image, String its, String hosts) {
    return notCreated("image: " + image + " is for linux/" + its + ", this host is linux/" + hosts);
  }

  static TaskExit notCreated(String message) {
    return new TaskExit(JobTerminationReason.CREATING_CONTAINER_ERROR, null, message);
  }

  private static boolean has(String text, String... any) {
    return List.of(any).stream().anyMatch(text::contains);
  }

  static String cut(String words) {
    String line = words.strip().replace('\n', ' ');
    return line.length() <= MOST_WORDS ? line : line.substring(0, MOST_WORDS) + "…";
  }
}
