package dev.dstack.embedded;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** The files that the embedded Temporal server and its Web UI read at their start. */
final class TemporalSettings {
  static final List<String> SERVICES = List.of("frontend", "history", "matching", "worker");

  private TemporalSettings() {}

  /**
   * @param ports of each service, and of its {@code -membership}
   */
  static String server(
      Map<String, Integer> ports, int postgresPort, String password, Path dynamicConfig) {
    StringBuilder yaml = new StringBuilder();
    yaml.append(
        """
        # Written by the server at every start.
        log:
          stdout: true
          level: warn
        persistence:
          defaultStore: default
          visibilityStore: visibility
          numHistoryShards: 4
          datastores:
        """);
    store(yaml, "default", "temporal", 12, postgresPort, password);
    store(yaml, "visibility", "temporal_visibility", 6, postgresPort, password);
    yaml.append(
        """
        global:
          membership:
            maxJoinDuration: 30s
            broadcastAddress: "127.0.0.1"
        services:
        """);
    for (String service : SERVICES) {
      yaml.append(
          """
            %s:
              rpc:
                grpcPort: %d
                membershipPort: %d
                bindOnLocalHost: true
          """
              .formatted(
                  service,
                  ports.getOrDefault(service, 0),
                  ports.getOrDefault(service + "-membership", 0)));
    }
    int frontend = ports.getOrDefault("frontend", 0);
    yaml.append(
        """
        clusterMetadata:
          enableGlobalNamespace: false
          failoverVersionIncrement: 10
          masterClusterName: "active"
          currentClusterName: "active"
          clusterInformation:
            active:
              enabled: true
              initialFailoverVersion: 1
              rpcName: "frontend"
              rpcAddress: "127.0.0.1:%d"
        dcRedirectionPolicy:
          policy: "noop"
        publicClient:
          hostPort: "127.0.0.1:%d"
        dynamicConfigClient:
          filepath: "%s"
          pollInterval: "60s"
        """
            .formatted(frontend, frontend, dynamicConfig));
    return yaml.toString();
  }

  private static void store(
      StringBuilder yaml,
      String name,
      String database,
      int connections,
      int postgresPort,
      String password) {
    // Each of the four services has pools of its own. What a rush has opened goes by its age, as
    // each connection costs PostgreSQL some megabytes.
    yaml.append(
        """
            %s:
              sql:
                pluginName: "postgres12_pgx"
                databaseName: "%s"
                connectAddr: "127.0.0.1:%d"
                connectProtocol: "tcp"
                user: "%s"
                password: "%s"
                maxConns: %d
                maxIdleConns: %d
                maxConnLifetime: "5m"
        """
            .formatted(
                name,
                database,
                postgresPort,
                TemporalDatabases.ROLE,
                password,
                connections,
                connections));
  }

  static String dynamic(Path custom) throws IOException {
    // One partition: with a single server more of them only add hops and idle pollers.
    String settings =
        """
        # Written by the server at every start. Settings of your own go into
        # dynamic-custom.yaml one directory up.
        matching.numTaskqueueReadPartitions:
          - value: 1
        matching.numTaskqueueWritePartitions:
          - value: 1
        frontend.rps:
          - value: 20000
        frontend.namespaceRPS:
          - value: 20000
        frontend.namespaceRPS.visibility:
          - value: 100
        frontend.namespaceCount:
          - value: 5000
        frontend.persistenceMaxQPS:
          - value: 20000
        history.rps:
          - value: 20000
        history.persistenceMaxQPS:
          - value: 20000
        matching.rps:
          - value: 20000
        matching.persistenceMaxQPS:
          - value: 20000
        admin.matchingNamespaceTaskqueueToPartitionDispatchRate:
          - value: 20000
        system.enableNexus:
          - value: false
        frontend.enableServerVersionCheck:
          - value: false
        """;
    return Files.exists(custom) ? settings + Files.readString(custom) : settings;
  }

  static String ui(int port, int frontendPort, String namespace) {
    return """
    # Written by the server at every start.
    temporalGrpcAddress: "127.0.0.1:%d"
    host: "127.0.0.1"
    port: %d
    enableUi: true
    defaultNamespace: "%s"
    notifyOnNewVersion: false
    showTemporalSystemNamespace: false
    hideLogs: true
    cors:
      cookieInsecure: true
      allowOrigins:
        - "http://127.0.0.1:%d"
        - "http://localhost:%d"
    """
        .formatted(frontendPort, port, namespace, port, port);
  }
}
