package dev.dstack.model.agent;

import org.jspecify.annotations.Nullable;

/**
 * The repository a task finds in its {@code path}.
 *
 * @param url what to clone; absent: a local directory, whose content is all in the archive
 * @param branch absent: the default branch
 * @param commit the commit the user's working tree is based on; absent: the tip of the branch
 * @param archive lower-case hex SHA-256 of what was put by {@code PUT /v1/archives}: a diff in
 *     git's format over the commit for a remote repository, a tar for a local one; absent: no
 *     changes
 * @param path absolute, below {@code ~}, or relative to the working directory
 * @param ifExists what to do when {@code path} is a directory with something in it
 * @param singleBranch fetch no other branch
 */
public record RepoRequest(
    @Nullable String url,
    @Nullable String branch,
    @Nullable String commit,
    @Nullable String archive,
    String path,
    IfExists ifExists,
    boolean singleBranch,
    @Nullable Credentials credentials,
    @Nullable Author author) {

  public enum IfExists {
    ERROR,
    SKIP
  }

  /** One of the two; never printed. */
  public record Credentials(@Nullable String token, @Nullable String privateKey) {
    @Override
    public String toString() {
      return "Credentials[]";
    }
  }

  /** Of commits made in the clone. */
  public record Author(String name, String email) {}
}
