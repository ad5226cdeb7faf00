package dev.dstack.cli.apply;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RepoOptionsTest {
  @ParameterizedTest
  @CsvSource({
    "., ., .",
    "../lib:/code, ../lib, /code",
    "~/src:sub, ~/src, sub",
    "https://github.com/acme/w, https://github.com/acme/w, .",
    "https://github.com/acme/w.git:/code, https://github.com/acme/w.git, /code",
    "https://git.example.org:8443/acme/w:/code, https://git.example.org:8443/acme/w, /code",
    "ssh://git@h:22/acme/w:code, ssh://git@h:22/acme/w, code",
    "git@github.com:acme/w.git, git@github.com:acme/w.git, .",
    "git@github.com:acme/w.git:/code, git@github.com:acme/w.git, /code"
  })
  void aPlaceMayHaveAPath(String text, String place, String path) {
    assertThat(RepoOptions.parts(text)).containsExactly(place, path);
  }
}
