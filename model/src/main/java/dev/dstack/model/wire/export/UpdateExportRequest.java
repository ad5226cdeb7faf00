package dev.dstack.model.wire.export;

import dev.dstack.model.json.Default;
import dev.dstack.model.json.Frozen;
import java.util.List;

public record UpdateExportRequest(
    String name,
    @Default("false") boolean setGlobal,
    @Default("false") boolean unsetGlobal,
    @Default("[]") List<String> addImporterProjects,
    @Default("[]") List<String> removeImporterProjects,
    @Default("[]") List<String> addExportedFleets,
    @Default("[]") List<String> removeExportedFleets,
    @Default("[]") List<String> addExportedGateways,
    @Default("[]") List<String> removeExportedGateways) {
  public UpdateExportRequest {
    addImporterProjects = Frozen.list(addImporterProjects);
    removeImporterProjects = Frozen.list(removeImporterProjects);
    addExportedFleets = Frozen.list(addExportedFleets);
    removeExportedFleets = Frozen.list(removeExportedFleets);
    addExportedGateways = Frozen.list(addExportedGateways);
    removeExportedGateways = Frozen.list(removeExportedGateways);
  }
}
