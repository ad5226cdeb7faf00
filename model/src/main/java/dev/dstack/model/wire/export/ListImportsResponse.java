package dev.dstack.model.wire.export;

import dev.dstack.model.json.Default;
import dev.dstack.model.json.Frozen;
import java.util.List;

public record ListImportsResponse(List<Import> imports, @Default("[]") List<String> warnings) {
  public ListImportsResponse {
    imports = Frozen.list(imports);
    warnings = Frozen.list(warnings);
  }
}
