// SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
//
// SPDX-License-Identifier: Apache-2.0
package io.github.dprhaystack;

import java.util.List;
import java.util.function.Predicate;
import java.util.function.Supplier;
import org.elasticsearch.cluster.node.DiscoveryNodes;
import org.elasticsearch.features.NodeFeature;
import org.elasticsearch.rest.RestHandler;

/** Gives Elasticsearch 9 the greeting at {@code /}, which clients cannot do without, and what it inherits. */
public class TestServerPlugin extends AnalysisParts {
  @Override
  public List<RestHandler> getRestHandlers(
      RestHandlersServices services, Supplier<DiscoveryNodes> nodes, Predicate<NodeFeature> features) {
    return handlers(services.settings());
  }
}
