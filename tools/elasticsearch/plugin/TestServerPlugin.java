// SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
//
// SPDX-License-Identifier: Apache-2.0
package io.github.dprhaystack;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.function.Supplier;
import java.util.regex.Pattern;
import org.apache.lucene.analysis.Analyzer;
import org.apache.lucene.analysis.TokenStream;
import org.apache.lucene.analysis.Tokenizer;
import org.apache.lucene.analysis.de.GermanAnalyzer;
import org.apache.lucene.analysis.email.UAX29URLEmailTokenizer;
import org.apache.lucene.analysis.en.EnglishAnalyzer;
import org.apache.lucene.analysis.es.SpanishAnalyzer;
import org.apache.lucene.analysis.fr.FrenchAnalyzer;
import org.apache.lucene.analysis.it.ItalianAnalyzer;
import org.apache.lucene.analysis.miscellaneous.RemoveDuplicatesTokenFilter;
import org.apache.lucene.analysis.pattern.PatternCaptureGroupTokenFilter;
import org.apache.lucene.analysis.pt.PortugueseAnalyzer;
import org.elasticsearch.cluster.metadata.IndexNameExpressionResolver;
import org.elasticsearch.cluster.node.DiscoveryNodes;
import org.elasticsearch.common.io.stream.NamedWriteableRegistry;
import org.elasticsearch.common.settings.ClusterSettings;
import org.elasticsearch.common.settings.IndexScopedSettings;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.common.settings.SettingsFilter;
import org.elasticsearch.features.NodeFeature;
import org.elasticsearch.index.analysis.AbstractIndexAnalyzerProvider;
import org.elasticsearch.index.analysis.AbstractTokenFilterFactory;
import org.elasticsearch.index.analysis.AbstractTokenizerFactory;
import org.elasticsearch.index.analysis.AnalyzerProvider;
import org.elasticsearch.index.analysis.TokenFilterFactory;
import org.elasticsearch.index.analysis.TokenizerFactory;
import org.elasticsearch.indices.analysis.AnalysisModule.AnalysisProvider;
import org.elasticsearch.plugins.ActionPlugin;
import org.elasticsearch.plugins.AnalysisPlugin;
import org.elasticsearch.plugins.Plugin;
import org.elasticsearch.rest.RestController;
import org.elasticsearch.rest.RestHandler;

/**
 * Gives the distribution for REST tests what a client cannot do without: the greeting at {@code /}, some language
 * analyzers of Lucene, and the pieces that the index of API keys is analyzed with.
 */
public class TestServerPlugin extends Plugin implements ActionPlugin, AnalysisPlugin {

  private static final Map<String, Supplier<Analyzer>> LANGUAGES = Map.of(
      "english", EnglishAnalyzer::new,
      "french", FrenchAnalyzer::new,
      "german", GermanAnalyzer::new,
      "italian", ItalianAnalyzer::new,
      "portuguese", PortugueseAnalyzer::new,
      "spanish", SpanishAnalyzer::new);

  @Override
  public Map<String, AnalysisProvider<AnalyzerProvider<? extends Analyzer>>> getAnalyzers() {
    var providers = new HashMap<String, AnalysisProvider<AnalyzerProvider<? extends Analyzer>>>();
    LANGUAGES.forEach((language, make) ->
        providers.put(language, (index, node, name, settings) -> new Ready(name, settings, make.get())));
    return providers;
  }

  @Override
  public Map<String, AnalysisProvider<TokenFilterFactory>> getTokenFilters() {
    return Map.of(
        "unique", (index, node, name, settings) -> new Filter(name, settings, RemoveDuplicatesTokenFilter::new),
        "pattern_capture", (index, node, name, settings) -> {
          boolean original = settings.getAsBoolean("preserve_original", true);
          Pattern[] patterns =
              settings.getAsList("patterns").stream().map(Pattern::compile).toArray(Pattern[]::new);
          return new Filter(name, settings, in -> new PatternCaptureGroupTokenFilter(in, original, patterns));
        });
  }

  @Override
  public Map<String, AnalysisProvider<TokenizerFactory>> getTokenizers() {
    return Map.of("uax_url_email", (index, node, name, settings) -> new Addresses(index, settings, name));
  }

  @Override
  public List<RestHandler> getRestHandlers(
      Settings settings,
      NamedWriteableRegistry writeables,
      RestController controller,
      ClusterSettings clusterSettings,
      IndexScopedSettings indexSettings,
      SettingsFilter settingsFilter,
      IndexNameExpressionResolver resolver,
      Supplier<DiscoveryNodes> nodes,
      Predicate<NodeFeature> features) {
    return List.of(new Greeting(settings.get("cluster.name", "elasticsearch")));
  }

  /** An analyzer that needs no settings. */
  private static final class Ready extends AbstractIndexAnalyzerProvider<Analyzer> {
    private final Analyzer analyzer;

    Ready(String name, Settings settings, Analyzer analyzer) {
      super(name, settings);
      this.analyzer = analyzer;
    }

    @Override
    public Analyzer get() {
      return analyzer;
    }
  }

  /** A token filter of Lucene. */
  private static final class Filter extends AbstractTokenFilterFactory {
    private final Function<TokenStream, TokenStream> lucene;

    Filter(String name, Settings settings, Function<TokenStream, TokenStream> lucene) {
      super(name, settings);
      this.lucene = lucene;
    }

    @Override
    public TokenStream create(TokenStream input) {
      return lucene.apply(input);
    }
  }

  /** Lucene's tokenizer that keeps addresses whole. */
  private static final class Addresses extends AbstractTokenizerFactory {
    Addresses(org.elasticsearch.index.IndexSettings index, Settings settings, String name) {
      super(index, settings, name);
    }

    @Override
    public Tokenizer create() {
      return new UAX29URLEmailTokenizer();
    }
  }
}
