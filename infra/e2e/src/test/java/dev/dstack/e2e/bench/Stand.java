package dev.dstack.e2e.bench;

/** A server in the state that some measurements share. They come one after the other. */
enum Stand {
  /** Jobs are processes and containers of this machine, which is overcommitted: they do nothing. */
  LOCAL(
      """
      projects:
      - name: main
        backends:
        - type: local
          cpus: 256
          memory: 256GB
      """),

  /** Jobs that only pretend, on few large machines. */
  SCRIPTED(
      """
      projects:
      - name: main
        backends:
        - type: scripted
          instances: 20
          instance_types:
          - {name: large, cpus: 128, memory: 1024GB, disk: 10000GB, price: 1}
          job: {duration: 1h, lines: 1}
      """),

  /** Many small machines that only pretend. */
  FLEET(
      """
      projects:
      - name: main
        backends:
        - type: scripted
          instances: 1200
          instance_types:
          - {name: small, cpus: 4, memory: 16GB, disk: 100GB, price: 1}
          job: {duration: 1h, lines: 1}
      """),

  /** A thousand of them, out of ten thousand offers. */
  CROWD(crowd()),

  /** No server at all. */
  NONE("");

  private final String config;

  Stand(String config) {
    this.config = config;
  }

  private static String crowd() {
    StringBuilder config =
        new StringBuilder(
            """
            projects:
            - name: main
              backends:
              - type: scripted
                instances: 1200
                job: {duration: 1h, lines: 1}
            """);
    config.append("    regions: [");
    for (int i = 0; i < 100; i++) {
      config.append(i == 0 ? "" : ", ").append("region-").append(i);
    }
    config.append("]\n    instance_types:\n");
    for (int i = 0; i < 100; i++) {
      config.append(
          "    - {name: type-%d, cpus: %d, memory: %dGB, disk: 100GB, price: %d}\n"
              .formatted(i, 4 + i, 16 + 4 * i, 1 + i));
    }
    return config.toString();
  }

  String config() {
    return config;
  }
}
