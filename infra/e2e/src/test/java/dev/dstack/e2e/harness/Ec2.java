package dev.dstack.e2e.harness;

import java.io.IOException;
import java.io.StringReader;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.parsers.ParserConfigurationException;
import javax.xml.transform.TransformerException;
import javax.xml.transform.TransformerFactory;
import javax.xml.transform.dom.DOMSource;
import javax.xml.transform.stream.StreamResult;
import org.w3c.dom.Document;
import org.w3c.dom.Element;
import org.w3c.dom.Node;
import org.w3c.dom.NodeList;
import org.xml.sax.InputSource;
import org.xml.sax.SAXException;

/** EC2's query protocol by hand, as anybody else of the account may speak it. */
final class Ec2 {
  private final URI endpoint;
  private final String authorization;
  private final HttpClient http = HttpClient.newHttpClient();

  Ec2(URI endpoint, String region) {
    this.endpoint = endpoint;
    this.authorization =
        "AWS4-HMAC-SHA256 Credential=test/20260101/" + region + "/ec2/aws4_request";
  }

  /**
   * @param parameters names and values by turns
   */
  Element call(String action, String... parameters) {
    StringBuilder form = new StringBuilder("Version=2016-11-15&Action=").append(action);
    for (int i = 0; i < parameters.length; i += 2) {
      form.append('&')
          .append(encoded(parameters[i]))
          .append('=')
          .append(encoded(parameters[i + 1]));
    }
    try {
      HttpResponse<String> response =
          http.send(
              HttpRequest.newBuilder(endpoint)
                  .timeout(Duration.ofSeconds(30))
                  .header("Authorization", authorization)
                  .header("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
                  .POST(HttpRequest.BodyPublishers.ofString(form.toString()))
                  .build(),
              HttpResponse.BodyHandlers.ofString());
      if (response.statusCode() != 200) {
        throw new AssertionError(action + " answered " + response.body());
      }
      return parsed(response.body()).getDocumentElement();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }

  private static String encoded(String text) {
    return URLEncoder.encode(text, StandardCharsets.UTF_8);
  }

  static Document parsed(String xml) {
    try {
      return DocumentBuilderFactory.newDefaultInstance()
          .newDocumentBuilder()
          .parse(new InputSource(new StringReader(xml)));
    } catch (ParserConfigurationException | SAXException | IOException e) {
      throw new IllegalArgumentException("Not XML: " + xml, e);
    }
  }

  static String text(Document document) {
    try {
      StringWriter text = new StringWriter();
      TransformerFactory.newDefaultInstance()
          .newTransformer()
          .transform(new DOMSource(document), new StreamResult(text));
      return text.toString();
    } catch (TransformerException e) {
      throw new IllegalStateException(e);
    }
  }

  /** All instances of an answer. */
  static List<Element> instances(Element answer) {
    List<Element> instances = new ArrayList<>();
    NodeList sets = answer.getElementsByTagName("instancesSet");
    for (int i = 0; i < sets.getLength(); i++) {
      instances.addAll(children(sets.item(i), "item"));
    }
    return instances;
  }

  static List<Element> children(Node of, String name) {
    List<Element> children = new ArrayList<>();
    for (Node node = of.getFirstChild(); node != null; node = node.getNextSibling()) {
      if (node instanceof Element element && element.getTagName().equals(name)) {
        children.add(element);
      }
    }
    return children;
  }

  static Optional<Element> child(Node of, String name) {
    return children(of, name).stream().findFirst();
  }

  /** Of the child with this name; empty where there is none. */
  static String textOf(Node of, String name) {
    return child(of, name).map(Node::getTextContent).orElse("").strip();
  }

  /** Of the first element with this name, however deep. */
  static String anywhere(Element in, String name) {
    Node found = in.getElementsByTagName(name).item(0);
    if (found == null) {
      throw new AssertionError("No " + name + " in " + text(in.getOwnerDocument()));
    }
    return found.getTextContent().strip();
  }
}
