package dev.dstack.api.file;

import dev.dstack.api.auth.Caller;
import dev.dstack.api.error.ApiException;
import dev.dstack.api.web.Body;
import dev.dstack.api.web.Now;
import dev.dstack.api.web.Uploads;
import dev.dstack.db.records.FileStore;
import dev.dstack.model.wire.file.FileArchive;
import dev.dstack.model.wire.file.GetFileArchiveByHashRequest;
import org.jspecify.annotations.Nullable;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.RestController;
import org.springframework.web.multipart.MultipartFile;

@RestController
public final class FileController {
  private final FileStore files;
  private final Uploads uploads;
  private final Now now;

  public FileController(FileStore files, Uploads uploads, Now now) {
    this.files = files;
    this.uploads = uploads;
    this.now = now;
  }

  @PostMapping("/api/files/get_archive_by_hash")
  public FileArchive getByHash(@Body GetFileArchiveByHashRequest body, Caller caller) {
    return files
        .byHash(caller.id(), body.hash())
        .map(id -> new FileArchive(id, body.hash()))
        .orElseThrow(() -> ApiException.missing("You have uploaded no archive with this hash"));
  }

  @PostMapping("/api/files/upload_archive")
  public FileArchive upload(
      @RequestParam(name = "file", required = false) @Nullable MultipartFile file, Caller caller) {
    Uploads.Upload upload =
        uploads.read(
            file, "The archive of files", "Exclude large files with .gitignore or .dstackignore.");
    return new FileArchive(
        files.save(caller.id(), upload.hash(), upload.content(), now.instant()), upload.hash());
  }
}
