package dev.dstack.model.wire.export;

import dev.dstack.model.json.Default;
import dev.dstack.model.json.Frozen;
import java.util.List;
import java.util.UUID;

public record Export(
    UUID id,
    String name,
    @Default("false") boolean isGlobal,
    List<ExportImport> imports,
    List<ExportedFleet> exportedFleets,
    @Default("[]") List<ExportedGateway> exportedGateways) {
  public Export {
    imports = Frozen.list(imports);
    exportedFleets = Frozen.list(exportedFleets);
    exportedGateways = Frozen.list(exportedGateways);
  }
}
