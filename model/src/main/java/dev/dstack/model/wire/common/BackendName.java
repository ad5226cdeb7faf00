package dev.dstack.model.wire.common;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.Arrays;

/** The backends that dstack's clients know; hosts that no cloud owns are {@code remote}. */
public enum BackendName {
  @JsonProperty("amddevcloud")
  AMDDEVCLOUD("amddevcloud"),
  @JsonProperty("aws")
  AWS("aws"),
  @JsonProperty("azure")
  AZURE("azure"),
  @JsonProperty("cloudrift")
  CLOUDRIFT("cloudrift"),
  @JsonProperty("crusoe")
  CRUSOE("crusoe"),
  @JsonProperty("cudo")
  CUDO("cudo"),
  @JsonProperty("datacrunch")
  DATACRUNCH("datacrunch"),
  @JsonProperty("daytona")
  DAYTONA("daytona"),
  @JsonProperty("digitalocean")
  DIGITALOCEAN("digitalocean"),
  @JsonProperty("dstack")
  DSTACK("dstack"),
  @JsonProperty("gcp")
  GCP("gcp"),
  @JsonProperty("hotaisle")
  HOTAISLE("hotaisle"),
  @JsonProperty("jarvislabs")
  JARVISLABS("jarvislabs"),
  @JsonProperty("kubernetes")
  KUBERNETES("kubernetes"),
  @JsonProperty("lambda")
  LAMBDA("lambda"),
  @JsonProperty("lium")
  LIUM("lium"),
  @JsonProperty("remote")
  REMOTE("remote"),
  @JsonProperty("nebius")
  NEBIUS("nebius"),
  @JsonProperty("oci")
  OCI("oci"),
  @JsonProperty("runpod")
  RUNPOD("runpod"),
  @JsonProperty("seeweb")
  SEEWEB("seeweb"),
  @JsonProperty("tensordock")
  TENSORDOCK("tensordock"),
  @JsonProperty("vastai")
  VASTAI("vastai"),
  @JsonProperty("verda")
  VERDA("verda"),
  @JsonProperty("vultr")
  VULTR("vultr"),
  @JsonProperty("slurm")
  SLURM("slurm");

  private final String wire;

  BackendName(String wire) {
    this.wire = wire;
  }

  public String wire() {
    return wire;
  }

  /** Throws when clients would not know the name either. */
  public static BackendName of(String wire) {
    return Arrays.stream(values())
        .filter(name -> name.wire.equals(wire))
        .findFirst()
        .orElseThrow(() -> new IllegalArgumentException("no such backend: " + wire));
  }
}
