package dev.dstack.cli.repo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class GitRepoTest {
  /** The ids are what dstack's own client makes of these URLs. */
  @ParameterizedTest
  @CsvSource({
    "https://github.com/acme/widgets.git, widgets-gmj74eg4, https://github.com/acme/widgets.git",
    "git@git.example.org:team/sub/tool.git, tool-7fwojwiw, ssh://git@git.example.org/team/sub/tool.git",
    "ssh://git@git.example.org:2222/team/tool, tool-ef0lpi4t, ssh://git@git.example.org:2222/team/tool"
  })
  void hasTheIdOtherClientsKnow(String url, String id, String clone) {
    GitRepo repo = GitRepo.parse(url);

    assertThat(repo.id()).isEqualTo(id);
    assertThat(repo.cloneUrl(url.startsWith("https"))).isEqualTo(clone);
  }

  @Test
  void refusesOtherThings() {
    assertThatThrownBy(() -> GitRepo.parse("ftp://x/y")).hasMessageContaining("no Git repo");
    assertThatThrownBy(() -> GitRepo.parse("nothing")).hasMessageContaining("no Git repo");
  }
}
