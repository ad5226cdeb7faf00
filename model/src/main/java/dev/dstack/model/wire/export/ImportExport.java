package dev.dstack.model.wire.export;

import dev.dstack.model.json.Default;
import dev.dstack.model.json.Frozen;
import java.util.List;
import java.util.UUID;

public record ImportExport(
    UUID id,
    String name,
    String projectName,
    List<ImportExportedFleet> exportedFleets,
    @Default("[]") List<ImportExportedGateway> exportedGateways) {
  public ImportExport {
    exportedFleets = Frozen.list(exportedFleets);
    exportedGateways = Frozen.list(exportedGateways);
  }
}
