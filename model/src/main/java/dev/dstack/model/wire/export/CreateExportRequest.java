package dev.dstack.model.wire.export;

import dev.dstack.model.json.Default;
import dev.dstack.model.json.Frozen;
import java.util.List;

public record CreateExportRequest(
    String name,
    @Default("false") boolean isGlobal,
    @Default("[]") List<String> importerProjects,
    @Default("[]") List<String> exportedFleets,
    @Default("[]") List<String> exportedGateways) {
  public CreateExportRequest {
    importerProjects = Frozen.list(importerProjects);
    exportedFleets = Frozen.list(exportedFleets);
    exportedGateways = Frozen.list(exportedGateways);
  }
}
