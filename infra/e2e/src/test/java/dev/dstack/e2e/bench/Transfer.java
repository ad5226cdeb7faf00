package dev.dstack.e2e.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** 200 MB by sftp and rsync, with the runner's SSH server and with OpenSSH's, in turn. */
final class Transfer implements Measurement {
  private static final int ROUNDS = 4;

  @Override
  public String key() {
    return "transfer";
  }

  @Override
  public String what() {
    return "200 MB by sftp and rsync: the runner's server against OpenSSH's, same cipher";
  }

  @Override
  public Stand stand() {
    return Stand.LOCAL;
  }

  @Override
  public void measure(Scene scene) throws IOException {
    Path file = Target.file(scene);
    Path back = scene.server().home().resolve("back");
    Target target = Target.start(scene, "receiver");
    try (OpenSsh openSsh = OpenSsh.start(scene.server().home(), target.key())) {
      Map<String, List<Double>> ours = new LinkedHashMap<>();
      Map<String, List<Double>> theirs = new LinkedHashMap<>();
      String there = scene.server().home().resolve("there").toString();
      for (int i = 0; i < ROUNDS; i++) {
        // A server that has just started is slower; people's first transfer is shown by "runner".
        once(i == 0 ? new LinkedHashMap<>() : ours, target.peer(), file, "/tmp/there", back);
        once(i == 0 ? new LinkedHashMap<>() : theirs, openSsh.peer(), file, there, back);
      }
      Map<String, Double> ratio = new LinkedHashMap<>();
      List<String> shown = new ArrayList<>();
      ours.forEach(
          (how, speeds) -> {
            double us = Statistics.of(speeds).median();
            double them = Statistics.of(theirs.get(how)).median();
            ratio.put(how, us / them);
            shown.add(
                "%s %s (%s against %s MB/s)"
                    .formatted(
                        how,
                        Table.number(us / them, 2),
                        Table.number(us, 0),
                        Table.number(them, 0)));
          });
      scene.table().number("transfer_mb_per_second", ours);
      scene.table().number("transfer_openssh_mb_per_second", theirs);
      scene.table().number("transfer_ratio", ratio);
      scene.table().row(key(), what(), "≥ 0.6", String.join(", ", shown), "");
    } finally {
      scene.end(target.run());
    }
  }

  private static void once(
      Map<String, List<Double>> speeds, SshPeer peer, Path file, String there, Path back)
      throws IOException {
    add(speeds, "sftp put", peer.sftp("put " + file + " " + there));
    add(speeds, "sftp get", peer.sftp("get " + there + " " + back));
    if (Files.mismatch(file, back) >= 0) {
      throw new AssertionError("what came back is not what was sent");
    }
    add(speeds, "rsync", peer.rsync(file, there + "-rsync"));
    peer.run("rm -f " + there + " " + there + "-rsync").ok();
    Files.delete(back);
  }

  private static void add(Map<String, List<Double>> speeds, String how, double seconds) {
    speeds.computeIfAbsent(how, _ -> new ArrayList<>()).add(Target.speed(seconds));
  }
}
