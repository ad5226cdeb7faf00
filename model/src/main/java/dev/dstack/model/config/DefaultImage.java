package dev.dstack.model.config;

import dev.dstack.model.wire.configuration.PythonVersion;
import dev.dstack.model.wire.configuration.RunBase;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Runs that leave the choice of the image to the server, and what prepares these images. */
final class DefaultImage {
  private static final String PYTHON = "3.12";

  private DefaultImage() {}

  /** Whether the run is to be a container; the others are processes of their host. */
  static boolean inContainer(RunBase base) {
    return hasImage(base) || chosenByServer(base);
  }

  /** The image is one of dstack's. */
  static boolean chosenByServer(RunBase base) {
    return !hasImage(base) && (on(base.docker()) || base.python() != null || on(base.nvcc()));
  }

  /** One of dstack's with a Python, rather than one with a Docker Engine. */
  static boolean hasPython(RunBase base) {
    return chosenByServer(base) && !on(base.docker());
  }

  private static boolean hasImage(RunBase base) {
    return base.image() != null && !base.image().isEmpty();
  }

  static String name(RunBase base, ContainerDefaults defaults) {
    if (!inContainer(base)) {
      return JobSpecs.NO_IMAGE;
    }
    if (base.image() != null && !base.image().isEmpty()) {
      return base.image();
    }
    if (on(base.docker())) {
      return defaults.docker();
    }
    return on(base.nvcc()) ? defaults.devel() : defaults.base();
  }

  /** Before the user's own commands. */
  static List<String> commands(RunBase base) {
    if (!chosenByServer(base)) {
      return List.of();
    }
    if (on(base.docker())) {
      return List.of("start-dockerd");
    }
    PythonVersion wanted = base.python();
    String python = wanted == null ? PYTHON : wanted.wire();
    return List.of(
        // The user need not be root; a directory that all can find is better than one at home.
        "{ { [ -w /dstack/venv ] || mkdir -p /dstack/venv || sudo -n sh -c"
            + " \"mkdir -p /dstack/venv && chown $(id -u):$(id -g) /dstack/venv\"; }"
            + " 2> /dev/null && export DSTACK_VENV_DIR=/dstack/venv"
            + " || export DSTACK_VENV_DIR=$HOME/.dstack-venv; }",
        "if command -v uv > /dev/null; then"
            + " ( [ ! -d /opt/uv/python ] || export UV_PYTHON_INSTALL_DIR=/opt/uv/python;"
            + " uv venv -q --allow-existing --seed --prompt dstack -p "
            + python
            + " \"$DSTACK_VENV_DIR\" );"
            + " else python"
            + python
            + " -m venv --prompt dstack \"$DSTACK_VENV_DIR\"; fi",
        ". \"$DSTACK_VENV_DIR/bin/activate\"",
        // For those who log in.
        "{ echo \". $DSTACK_VENV_DIR/bin/activate\" >> /dstack/profile; } 2> /dev/null || :");
  }

  private static boolean on(@Nullable Boolean flag) {
    return flag != null && flag;
  }
}
