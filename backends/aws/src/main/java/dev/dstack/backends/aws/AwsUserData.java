package dev.dstack.backends.aws;

import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.List;

/**
 * What a machine does at its first start: let the server log in. It loads nothing down; the host
 * agent comes over SSH. A plain shell script, so that any image with or without cloud-init's other
 * formats can run it, twice, too.
 */
final class AwsUserData {
  private AwsUserData() {}

  static String script(String user, List<String> authorizedKeys) {
    StringBuilder keys = new StringBuilder();
    for (String key : authorizedKeys) {
      // One line each; a key is data and never a part of the script.
      keys.append(key.strip().replace("\n", " ").replace("\r", " ")).append('\n');
    }
    String encoded =
        Base64.getEncoder().encodeToString(keys.toString().getBytes(StandardCharsets.UTF_8));
    return """
        #!/bin/sh
        set -eu
        user=%s
        if ! id "$user" > /dev/null 2>&1; then
          useradd --create-home --shell /bin/sh --password '*' "$user"
        fi
        home=$(getent passwd "$user" | cut -d : -f 6)
        group=$(id -g "$user")
        install -d -m 0700 -o "$user" -g "$group" "$home/.ssh"
        keys=$home/.ssh/authorized_keys
        touch "$keys"
        printf '%%s' '%s' | base64 -d | while IFS= read -r key; do
          grep -qxF -e "$key" "$keys" || printf '%%s\\n' "$key" >> "$keys"
        done
        chown "$user:$group" "$keys"
        chmod 0600 "$keys"
        if [ -d /etc/sudoers.d ]; then
          printf '%%s ALL=(ALL) NOPASSWD:ALL\\n' "$user" > /etc/sudoers.d/90-dstack
          chmod 0440 /etc/sudoers.d/90-dstack
        fi
        if getent group docker > /dev/null 2>&1; then
          usermod -aG docker "$user"
        fi
        """
        .formatted(user, encoded);
  }

  static String encoded(String user, List<String> authorizedKeys) {
    return Base64.getEncoder()
        .encodeToString(script(user, authorizedKeys).getBytes(StandardCharsets.UTF_8));
  }
}
