package dev.dstack.backends.aws;

import dev.dstack.model.error.DstackException;
import dev.dstack.model.json.Json;
import dev.dstack.model.resources.Resources;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalDouble;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.http.ContentStreamProvider;
import software.amazon.awssdk.http.HttpExecuteRequest;
import software.amazon.awssdk.http.HttpExecuteResponse;
import software.amazon.awssdk.http.SdkHttpMethod;
import software.amazon.awssdk.http.SdkHttpRequest;
import software.amazon.awssdk.http.auth.aws.signer.AwsV4HttpSigner;
import software.amazon.awssdk.http.auth.spi.signer.SignedRequest;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * How many vCPUs of a family an account may run in a region. Asked for in Service Quotas' own words
 * because the SDK's module for it comes in no release that fits the others.
 */
final class AwsQuotas {
  private static final Logger LOG = LoggerFactory.getLogger(AwsQuotas.class);
  private static final int PAGES_MAX = 10;

  private final AwsClients clients;

  AwsQuotas(AwsClients clients) {
    this.clients = clients;
  }

  /** The code of the quota that counts machines of this type; empty text: none is known. */
  static String code(String instanceType, boolean spot) {
    String family = instanceType.substring(0, Math.max(0, instanceType.indexOf('.')));
    String letters = family.replaceAll("[0-9].*", "").toLowerCase(Locale.ROOT);
    return switch (letters) {
      case "g", "gr", "vt" -> spot ? "L-3819A6DF" : "L-DB2E81BA";
      case "p" -> {
        if (!spot) {
          yield "L-417A185B";
        }
        yield family.startsWith("p5") || family.startsWith("p6") ? "L-C4BD4855" : "L-7212CCBC";
      }
      case "a", "c", "d", "h", "i", "m", "r", "t", "z" -> spot ? "L-34B43A08" : "L-1216C47A";
      default -> "";
    };
  }

  /** Empty where it can't be said whether the account may have one. */
  static OptionalDouble allowed(Map<String, Double> quotas, String type, Resources resources) {
    Double value = quotas.get(code(type, resources.spot()));
    return value == null ? OptionalDouble.empty() : OptionalDouble.of(value);
  }

  /** The values by code. Empty when the account may not ask: then nothing is known. */
  Map<String, Double> of(String region) {
    Map<String, Double> values = new HashMap<>();
    String token = null;
    try {
      for (int page = 0; page < PAGES_MAX; page++) {
        JsonNode answer = ask(region, token);
        for (JsonNode quota : answer.path("Quotas")) {
          values.put(quota.path("QuotaCode").asString(""), quota.path("Value").asDouble(0));
        }
        token = answer.path("NextToken").asString("");
        if (token.isEmpty()) {
          break;
        }
      }
    } catch (IOException | SdkException | DstackException e) {
      LOG.info(
          "Quotas of AWS in {} are not known, so offers there are shown without: {}",
          region,
          e.getMessage());
    }
    return values;
  }

  private JsonNode ask(String region, @Nullable String token) throws IOException {
    ObjectNode body = Json.lenient().createObjectNode();
    body.put("ServiceCode", "ec2");
    body.put("MaxResults", 100);
    if (token != null && !token.isEmpty()) {
      body.put("NextToken", token);
    }
    byte[] bytes = body.toString().getBytes(StandardCharsets.UTF_8);
    URI override = clients.endpoint();
    URI uri =
        override == null
            ? URI.create("https://servicequotas." + region + ".amazonaws.com/")
            : override.resolve("/");
    SdkHttpRequest request =
        SdkHttpRequest.builder()
            .uri(uri)
            .method(SdkHttpMethod.POST)
            .putHeader("Content-Type", "application/x-amz-json-1.1")
            .putHeader("X-Amz-Target", "ServiceQuotasV20190624.ListServiceQuotas")
            .build();
    ContentStreamProvider payload = ContentStreamProvider.fromByteArray(bytes);
    SignedRequest signed =
        AwsV4HttpSigner.create()
            .sign(
                one ->
                    one.identity(clients.credentials().resolveCredentials())
                        .request(request)
                        .payload(payload)
                        .putProperty(AwsV4HttpSigner.SERVICE_SIGNING_NAME, "servicequotas")
                        .putProperty(AwsV4HttpSigner.REGION_NAME, region));
    HttpExecuteResponse response =
        clients
            .http()
            .prepareRequest(
                HttpExecuteRequest.builder()
                    .request(signed.request())
                    .contentStreamProvider(signed.payload().orElse(payload))
                    .build())
            .call();
    String text = "";
    if (response.responseBody().isPresent()) {
      try (InputStream in = response.responseBody().get()) {
        text = new String(in.readAllBytes(), StandardCharsets.UTF_8);
      }
    }
    if (!response.httpResponse().isSuccessful()) {
      throw new IOException(
          "HTTP " + response.httpResponse().statusCode() + " " + first(text.strip()));
    }
    return Json.lenient().readTree(text);
  }

  private static String first(String text) {
    return text.length() <= 200 ? text : text.substring(0, 200);
  }
}
