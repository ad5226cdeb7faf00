package dev.dstack.cli.attach;

import dev.dstack.cli.data.Doc;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The hosts of the SSH configuration that lead to a job: the job itself under the run's name; in
 * front of it the host it runs on, as {@code NAME-host}, where the job's own port can't be reached
 * from here; in front of that a jump host, as {@code NAME-jump-host}.
 */
final class JobHosts {
  private static final String CONTAINER_PORT = "10022";

  private JobHosts() {}

  static Map<String, Map<String, String>> of(String name, Doc job, Path identity)
      throws AttachException {
    Map<String, Map<String, String>> hosts = new LinkedHashMap<>();
    Doc central = job.get("job_connection_info");
    if (!central.get("sshproxy_hostname").isNull()) {
      hosts.put(
          name,
          host(
              central.get("sshproxy_hostname").text(""),
              central.get("sshproxy_port").text("22"),
              central.get("sshproxy_upstream_id").text(""),
              identity));
      return hosts;
    }
    Doc submission = job.get("job_submissions").last();
    Doc provisioning = submission.get("job_provisioning_data");
    String address = provisioning.get("hostname").text();
    String port = provisioning.get("ssh_port").text();
    if (address == null || port == null) {
      throw new AttachException("the job has no SSH port");
    }
    Doc runtime = submission.get("job_runtime_data");
    String user = runtime.get("username").text(job.at("job_spec", "user", "username").text("root"));
    Doc jump = provisioning.get("ssh_proxy");
    boolean inContainer = provisioning.get("dockerized").truth();
    if (!jump.isNull()) {
      Map<String, String> options =
          host(
              jump.get("hostname").text(""),
              jump.get("port").text("22"),
              jump.get("username").text("root"),
              identity);
      if (inContainer) {
        // Whose key opens a jump host of someone's own network is that person's to configure.
        options.remove("IdentityFile");
        options.remove("IdentitiesOnly");
      }
      hosts.put(name + "-jump-host", options);
    }
    String outer = jump.isNull() ? "" : name + "-jump-host";
    if (inContainer) {
      Map<String, String> machine =
          host(address, port, provisioning.get("username").text("root"), identity);
      via(machine, outer);
      hosts.put(name + "-host", machine);
      String inner = runtime.get("ports").get(CONTAINER_PORT).text(CONTAINER_PORT);
      Map<String, String> container = host("localhost", inner, user, identity);
      via(container, name + "-host");
      hosts.put(name, container);
    } else {
      Map<String, String> container = host(address, port, user, identity);
      via(container, outer);
      hosts.put(name, container);
    }
    return hosts;
  }

  private static void via(Map<String, String> options, String jump) {
    if (!jump.isEmpty()) {
      options.put("ProxyJump", jump);
    }
  }

  /** Hosts come and go under the same address, so their keys say nothing. */
  private static Map<String, String> host(String address, String port, String user, Path identity) {
    Map<String, String> options = new LinkedHashMap<>();
    options.put("HostName", address);
    options.put("Port", port);
    options.put("User", user);
    options.put("IdentityFile", SshConfigFile.quoted(identity.toString()));
    options.put("IdentitiesOnly", "yes");
    options.put("StrictHostKeyChecking", "no");
    options.put("UserKnownHostsFile", "/dev/null");
    options.put("LogLevel", "ERROR"); // else each login tells of a host key that is not kept
    return options;
  }
}
