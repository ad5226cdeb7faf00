package dev.dstack.api.web;

import dev.dstack.api.auth.Tokens;
import dev.dstack.api.error.ApiException;
import java.io.IOException;
import java.io.InputStream;
import java.util.Locale;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.springframework.web.multipart.MultipartFile;

/** The one file of an upload. Clients put its hash where the file name stands. */
public record Uploads(long limitBytes) {
  private static final Pattern HASH = Pattern.compile("[0-9a-f]{64}");

  public record Upload(String hash, byte[] content) {}

  /**
   * @param what begins the sentence that refuses one too large
   * @param advice how to make it smaller
   */
  public Upload read(@Nullable MultipartFile file, String what, String advice) {
    if (file == null) {
      throw Check.problem("missing", "file", "Field required", null);
    }
    long limit = limitBytes == 0 ? TomcatFactory.UPLOAD_CEILING_BYTES : limitBytes;
    if (file.getSize() > limit) {
      throw ApiException.badRequest(
          what
              + " has "
              + mib(file.getSize())
              + ", and the limit is "
              + mib(limit)
              + ". "
              + advice
              + " The operator of the server can raise the limit with DSTACK_SERVER_CODE_UPLOAD_LIMIT"
              + " (bytes).");
    }
    byte[] content;
    try (InputStream in = file.getInputStream()) {
      content = in.readAllBytes();
    } catch (IOException e) {
      throw new IllegalStateException("the uploaded file could not be read back", e);
    }
    String hash = Tokens.sha256(content);
    String said = file.getOriginalFilename() == null ? "" : file.getOriginalFilename();
    if (HASH.matcher(said).matches() && !said.equals(hash)) {
      throw ApiException.badRequest(
          what + " was damaged on its way: its SHA-256 is " + hash + ", the client said " + said);
    }
    return new Upload(hash, content);
  }

  private static String mib(long bytes) {
    return String.format(Locale.ROOT, "%.2f MiB (%d bytes)", bytes / 1024.0 / 1024.0, bytes);
  }
}
