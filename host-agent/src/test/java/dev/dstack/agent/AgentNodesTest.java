package dev.dstack.agent;

import static org.assertj.core.api.Assertions.assertThat;

import dev.dstack.model.agent.AccessRequest;
import dev.dstack.model.agent.ContainerRequest.Mount;
import dev.dstack.model.agent.NodesRequest;
import dev.dstack.model.agent.TaskInfo;
import dev.dstack.model.agent.TaskRequest;
import dev.dstack.model.job.JobTerminationReason;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;
import org.junit.jupiter.api.io.TempDir;

/** Containers that are the nodes of one replica, with the host's own SSH client in them. */
@Tag("docker")
@EnabledIfEnvironmentVariable(
    named = "DSTACK_TEST_DOCKER",
    matches = "1",
    disabledReason = "needs a Docker Engine of the tests' own (infra/scripts/docker.sh)")
@Timeout(180)
class AgentNodesTest {
  private static final Docker DOCKER = Docker.ofTests();
  private static final String FIRST = "127.0.0.2";
  private static final String SECOND = "127.0.0.3";

  @TempDir static Path directory;
  private static AgentProcess agent;
  private static AccessRequest access;

  @BeforeAll
  static void start() throws Exception {
    DOCKER.busybox();
    Path key = directory.resolve("key");
    Process keygen =
        new ProcessBuilder("ssh-keygen", "-q", "-t", "rsa", "-m", "PEM", "-N", "", "-f", "" + key)
            .inheritIO()
            .start();
    assertThat(keygen.waitFor()).isZero();
    access =
        new AccessRequest(
            List.of(Files.readString(directory.resolve("key.pub")).strip()),
            null,
            Files.readString(key));
    agent = AgentProcess.start(directory.resolve("home"), DOCKER.options());
  }

  @AfterAll
  static void stop() {
    if (agent != null) {
      agent.close();
    }
  }

  /** Both are on this host, where every address of 127.0.0.0/8 is the host itself. */
  private static List<NodesRequest.Node> twoNodes() throws IOException {
    try (ServerSocket one = new ServerSocket(0, 1, InetAddress.ofLiteral(FIRST));
        ServerSocket two = new ServerSocket(0, 1, InetAddress.ofLiteral(FIRST))) {
      return List.of(
          new NodesRequest.Node(FIRST, one.getLocalPort(), 8),
          new NodesRequest.Node(SECOND, two.getLocalPort(), 4));
    }
  }

  private static Containers node(int rank, List<NodesRequest.Node> nodes, String script) {
    List<Mount> mounts = new ArrayList<>();
    for (String path : List.of("/usr", "/lib", "/lib64", "/etc/passwd")) {
      mounts.add(new Mount(path, path, true, true));
    }
    return Containers.shell(script)
        .env(Map.of("DSTACK_NODE_RANK", Integer.toString(rank)))
        .mounts(mounts.toArray(Mount[]::new))
        .access(access)
        .nodes(new NodesRequest(rank, nodes));
  }

  @Test
  void nodesLogInToEachOtherByTheirAddresses() throws IOException {
    List<NodesRequest.Node> nodes = twoNodes();
    TaskRequest worker = node(1, nodes, "sleep 120").hostNetwork().request();
    TaskRequest master =
        node(
                0,
                nodes,
                """
            cat $DSTACK_MPI_HOSTFILE
            until /usr/bin/ssh %2$s true; do sleep 0.2; done
            /usr/bin/ssh %2$s 'echo on node $DSTACK_NODE_RANK'
            /usr/bin/ssh %2$s "/usr/bin/ssh %1$s 'echo back on node \\$DSTACK_NODE_RANK'"
            """
                    .formatted(FIRST, SECOND))
            .hostNetwork()
            .request();
    agent.submit(worker);
    agent.submit(master);
    TaskInfo end = agent.exited(master.id());

    assertThat(agent.text(master.id()))
        .contains(FIRST + " slots=8\n" + SECOND + " slots=4\n")
        .contains("on node 1\n")
        .contains("back on node 0\n");
    assertThat(end.exit().exitStatus()).isZero();
    assertThat(agent.until(worker.id(), info -> true).ports())
        .containsEntry(AccessRequest.SSH_PORT, nodes.get(1).sshPort());
    agent.stop(worker.id(), JobTerminationReason.TERMINATED_BY_USER, 0);
    agent.exited(worker.id());
  }

  /** Each container has a network of its own, and another host knows only the host's address. */
  @Test
  void behindABridgeANodeIsReachedByTheMappedPort() throws IOException {
    String host =
        DOCKER.run(
            "network", "inspect", "--format", "{{(index .IPAM.Config 0).Gateway}}", "bridge");
    List<NodesRequest.Node> ports = twoNodes();
    List<NodesRequest.Node> nodes =
        List.of(
            new NodesRequest.Node(SECOND, ports.getFirst().sshPort(), 0),
            new NodesRequest.Node(host, ports.getLast().sshPort(), 0));
    TaskRequest worker = node(1, nodes, "sleep 120").request();
    TaskRequest master =
        node(
                0,
                nodes,
                """
                until /usr/bin/ssh %1$s true; do sleep 0.2; done
                /usr/bin/ssh %1$s 'echo on node $DSTACK_NODE_RANK'
                """
                    .formatted(host))
            .request();
    agent.submit(worker);
    agent.submit(master);
    TaskInfo end = agent.exited(master.id());

    assertThat(agent.text(master.id())).contains("on node 1\n");
    assertThat(end.exit().exitStatus()).isZero();
    agent.stop(worker.id(), JobTerminationReason.TERMINATED_BY_USER, 0);
    agent.exited(worker.id());
  }

  @Test
  void aNodeWhosePortIsTakenDoesNotStart() throws IOException {
    try (ServerSocket taken = new ServerSocket(0)) {
      List<NodesRequest.Node> nodes =
          List.of(
              new NodesRequest.Node(FIRST, taken.getLocalPort(), 0),
              new NodesRequest.Node(SECOND, 10022, 0));
      TaskRequest request = node(0, nodes, "echo started").hostNetwork().request();
      agent.submit(request);
      TaskInfo end = agent.exited(request.id());

      assertThat(end.exit().reason()).isEqualTo(JobTerminationReason.PORTS_BINDING_FAILED);
      assertThat(end.exit().message()).contains("port " + taken.getLocalPort());
    }
  }

  @Test
  void aProcessOfTheHostFindsTheHostfile() throws IOException {
    List<NodesRequest.Node> nodes = twoNodes();
    TaskRequest request =
        new TaskRequest(
            AgentProcess.newId(),
            "node",
            List.of("/bin/sh", "-c", "cat $DSTACK_MPI_HOSTFILE"),
            Map.of(),
            null,
            null,
            List.of(),
            null,
            5,
            0,
            null,
            null,
            null,
            List.of(),
            new NodesRequest(1, nodes));
    agent.submit(request);
    agent.exited(request.id());

    assertThat(agent.text(request.id())).isEqualTo(FIRST + " slots=8\n" + SECOND + " slots=4\n");
  }
}
