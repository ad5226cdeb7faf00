package dev.dstack.cli.apply;

import dev.dstack.cli.Cli;
import dev.dstack.cli.CliException;
import dev.dstack.cli.data.Doc;
import dev.dstack.cli.repo.GitRepo;
import dev.dstack.cli.repo.RunRepo;
import dev.dstack.cli.spec.Args;
import dev.dstack.cli.spec.Spec;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Which repo a run gets: {@code --repo}, else the first of {@code repos}. */
public final class RepoOptions {
  private RepoOptions() {}

  private record Place(
      String place, boolean isUrl, @Nullable String branch, @Nullable String hash) {}

  static Spec addTo(Spec spec) {
    return spec.group("Repo")
        .text("REPO", "A directory or a Git URL, instead of `repos`", "-P", "--repo")
        .text("NAME", "The branch", "--repo-branch")
        .text("HASH", "The commit", "--repo-hash")
        .flag("No repo, whatever the file says", "--no-repo")
        .text("TOKEN", "An access token of the Git host", "-t", "--token")
        .text("FILE", "A private SSH key for the Git host", "--git-identity")
        .onlyOne("--repo", "--no-repo")
        .onlyOne("--token", "--git-identity");
  }

  /** Null where the run gets none. */
  static RunRepo.@Nullable Request of(ConfigurationFile file, Args args, Cli cli) {
    String option = args.text("--repo");
    Doc repos = file.root().get("repos");
    if (args.has("--no-repo") || (option == null && repos.items().isEmpty())) {
      return null;
    }
    Place place =
        option == null
            ? place(file, repos.first(), cli)
            : GitRepo.isUrl(option)
                ? new Place(option, true, null, null)
                : new Place(resolved(option, cli.cwd(), cli).toString(), false, null, null);
    String branch = args.text("--repo-branch");
    String hash = args.text("--repo-hash");
    return new RunRepo.Request(
        place.place(),
        place.isUrl(),
        branch == null ? place.branch() : branch,
        hash == null ? place.hash() : hash,
        identity(args, cli),
        args.text("--token"));
  }

  /** For {@code init}, where the working directory is meant when nothing is named. */
  public static RunRepo.Request named(Args args, Cli cli) {
    String option = args.text("--repo", ".");
    boolean isUrl = GitRepo.isUrl(option);
    return new RunRepo.Request(
        isUrl ? option : resolved(option, cli.cwd(), cli).toString(),
        isUrl,
        null,
        null,
        identity(args, cli),
        args.text("--token"));
  }

  /** Where in the run the repo is wanted; null where the file does not say. */
  static @Nullable String target(ConfigurationFile file) {
    Doc repo = file.root().get("repos").first();
    if (repo.isNull()) {
      return null;
    }
    String text = repo.text();
    return text == null ? repo.get("path").text(".") : parts(text)[1];
  }

  private static Place place(ConfigurationFile file, Doc item, Cli cli) {
    String text = item.text();
    if (text != null) {
      String place = parts(text)[0];
      boolean isUrl = GitRepo.isUrl(place);
      return new Place(
          isUrl ? place : resolved(place, file.directory(), cli).toString(), isUrl, null, null);
    }
    String url = item.get("url").text();
    String local = item.get("local_path").text();
    if ((url == null) == (local == null)) {
      throw CliException.failure(
          file.place(List.of("repos", 0)) + "repos: expected either `url` or `local_path`");
    }
    return new Place(
        url == null ? resolved(local == null ? "." : local, file.directory(), cli).toString() : url,
        url != null,
        item.get("branch").text(),
        item.get("hash").text());
  }

  /** {@code PLACE[:PATH]}; the colons of URLs and of {@code user@host:path} belong to the place. */
  static String[] parts(String text) {
    int first = text.indexOf(':');
    boolean inPlace =
        first >= 0 && (text.startsWith("//", first + 1) || text.lastIndexOf('@', first) >= 0);
    int colon = inPlace ? nextColon(text, first) : first;
    return colon < 0
        ? new String[] {text, "."}
        : new String[] {text.substring(0, colon), text.substring(colon + 1)};
  }

  /** A colon with digits after it is a port. */
  private static int nextColon(String text, int first) {
    int colon = text.indexOf(':', first + 1);
    while (colon >= 0 && colon + 1 < text.length() && Character.isDigit(text.charAt(colon + 1))) {
      colon = text.indexOf(':', colon + 1);
    }
    return colon;
  }

  private static @Nullable Path identity(Args args, Cli cli) {
    String identity = args.text("--git-identity");
    return identity == null ? null : resolved(identity, cli.cwd(), cli);
  }

  private static Path resolved(String path, Path from, Cli cli) {
    Path resolved =
        path.equals("~")
            ? cli.home()
            : path.startsWith("~/") ? cli.home().resolve(path.substring(2)) : from.resolve(path);
    return resolved.toAbsolutePath().normalize();
  }
}
