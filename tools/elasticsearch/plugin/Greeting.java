// SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
//
// SPDX-License-Identifier: Apache-2.0
package io.github.dprhaystack;

import static org.elasticsearch.rest.RestRequest.Method.GET;
import static org.elasticsearch.rest.RestRequest.Method.HEAD;

import java.util.List;
import java.util.Map;
import org.elasticsearch.Build;
import org.elasticsearch.client.internal.node.NodeClient;
import org.elasticsearch.rest.BaseRestHandler;
import org.elasticsearch.rest.RestRequest;
import org.elasticsearch.rest.RestResponse;
import org.elasticsearch.rest.RestStatus;

/** What clients ask first: who is there, and of which version. */
final class Greeting extends BaseRestHandler {
  private final String cluster;

  Greeting(String cluster) {
    this.cluster = cluster;
  }

  @Override
  public String getName() {
    return "dpr_haystack_greeting";
  }

  @Override
  public List<Route> routes() {
    return List.of(new Route(GET, "/"), new Route(HEAD, "/"));
  }

  @Override
  protected RestChannelConsumer prepareRequest(RestRequest request, NodeClient client) {
    Map<String, Object> told = Map.of(
        "cluster_name", cluster,
        "version", Map.of("number", Build.current().version(), "build_flavor", "default"),
        "tagline", "You Know, for Search");
    return channel -> channel.sendResponse(new RestResponse(RestStatus.OK, channel.newBuilder().map(told)));
  }
}
