package dev.dstack.backends.aws;

import static dev.dstack.backends.aws.AwsErrors.translated;

import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import dev.dstack.model.resources.CpuArch;
import dev.dstack.model.resources.GpuVendor;
import dev.dstack.model.resources.Resources;
import java.util.Comparator;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import software.amazon.awssdk.services.ec2.Ec2Client;
import software.amazon.awssdk.services.ec2.model.Image;

/** Which image a machine starts from: Amazon's newest that carries Docker, or the user's own. */
final class AwsImages {
  /** Who logs in unless os_images says otherwise; made by the user data where it is missing. */
  static final String USER = "ubuntu";

  record Kind(boolean nvidia, CpuArch arch) {
    static Kind of(Resources resources) {
      return new Kind(
          resources.gpus().stream().anyMatch(gpu -> gpu.vendor() == GpuVendor.NVIDIA),
          resources.arch());
    }
  }

  record Found(String id, String rootDevice, int minGib, String user) {}

  private AwsImages() {}

  static String user(AwsConfig config, Resources resources) {
    AwsConfig.OsImage own = own(config, Kind.of(resources));
    return own == null ? USER : own.user();
  }

  static Found find(AwsConfig config, Ec2Client ec2, String region, Kind kind) {
    AwsConfig.OsImage own = own(config, kind);
    String owner = own == null ? "amazon" : own.owner();
    String name = own == null ? standard(kind) : own.name();
    Optional<Image> newest =
        translated(
                "look up image '" + name + "' in " + region,
                () ->
                    ec2.describeImages(
                            request ->
                                request
                                    .owners(owner)
                                    .filters(
                                        AwsNetwork.filter("name", name),
                                        AwsNetwork.filter("state", "available"),
                                        AwsNetwork.filter("architecture", architecture(kind))))
                        .images())
            .stream()
            .max(Comparator.comparing(image -> String.valueOf(image.creationDate())));
    if (newest.isEmpty()) {
      throw new DstackException(
          ErrorKind.BACKEND_DENIED,
          "AWS: there is no image '"
              + name
              + "' of owner "
              + owner
              + " for "
              + architecture(kind)
              + " in "
              + region
              + "; name one in os_images."
              + (kind.nvidia() ? "nvidia" : "cpu")
              + " of the backend, or leave the region out.");
    }
    Image image = newest.get();
    int minGib =
        image.blockDeviceMappings().stream()
            .filter(mapping -> mapping.ebs() != null && mapping.ebs().volumeSize() != null)
            .mapToInt(mapping -> mapping.ebs().volumeSize())
            .max()
            .orElse(0);
    String root = image.rootDeviceName();
    return new Found(
        image.imageId(),
        root == null ? "/dev/sda1" : root,
        minGib,
        own == null ? USER : own.user());
  }

  private static AwsConfig.@Nullable OsImage own(AwsConfig config, Kind kind) {
    return kind.nvidia() ? config.osImages().nvidia() : config.osImages().cpu();
  }

  /** Both carry a Docker Engine, the second also NVIDIA's driver and container toolkit. */
  private static String standard(Kind kind) {
    if (kind.nvidia()) {
      return kind.arch() == CpuArch.ARM
          ? "Deep Learning ARM64 Base OSS Nvidia Driver GPU AMI (Ubuntu 22.04) *"
          : "Deep Learning Base OSS Nvidia Driver GPU AMI (Ubuntu 22.04) *";
    }
    return "al2023-ami-ecs-hvm-2023.*";
  }

  private static String architecture(Kind kind) {
    return switch (kind.arch()) {
      case X86 -> "x86_64";
      case ARM -> "arm64";
    };
  }
}
