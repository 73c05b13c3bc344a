// SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
//
// SPDX-License-Identifier: Apache-2.0
package io.github.dprhaystack;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import java.util.regex.Pattern;
import org.apache.lucene.analysis.Analyzer;
import org.apache.lucene.analysis.TokenStream;
import org.apache.lucene.analysis.de.GermanAnalyzer;
import org.apache.lucene.analysis.email.UAX29URLEmailTokenizer;
import org.apache.lucene.analysis.en.EnglishAnalyzer;
import org.apache.lucene.analysis.es.SpanishAnalyzer;
import org.apache.lucene.analysis.fr.FrenchAnalyzer;
import org.apache.lucene.analysis.it.ItalianAnalyzer;
import org.apache.lucene.analysis.miscellaneous.RemoveDuplicatesTokenFilter;
import org.apache.lucene.analysis.pattern.PatternCaptureGroupTokenFilter;
import org.apache.lucene.analysis.pt.PortugueseAnalyzer;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.index.analysis.AnalyzerProvider;
import org.elasticsearch.index.analysis.AnalyzerScope;
import org.elasticsearch.index.analysis.TokenFilterFactory;
import org.elasticsearch.index.analysis.TokenizerFactory;
import org.elasticsearch.indices.analysis.AnalysisModule.AnalysisProvider;
import org.elasticsearch.plugins.ActionPlugin;
import org.elasticsearch.plugins.AnalysisPlugin;
import org.elasticsearch.plugins.Plugin;
import org.elasticsearch.rest.RestHandler;

/**
 * Gives the distribution for REST tests some language analyzers of Lucene, and the pieces that the index of API keys is
 * analyzed with. Interfaces alone are implemented: the constructors of the abstract classes differ between versions.
 */
abstract class AnalysisParts extends Plugin implements ActionPlugin, AnalysisPlugin {

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
        providers.put(language, (index, node, name, settings) -> new Ready(name, make.get())));
    return providers;
  }

  @Override
  public Map<String, AnalysisProvider<TokenFilterFactory>> getTokenFilters() {
    return Map.of(
        "unique", (index, node, name, settings) -> new Filter(name, RemoveDuplicatesTokenFilter::new),
        "pattern_capture", (index, node, name, settings) -> {
          boolean original = settings.getAsBoolean("preserve_original", true);
          Pattern[] patterns =
              settings.getAsList("patterns").stream().map(Pattern::compile).toArray(Pattern[]::new);
          return new Filter(name, in -> new PatternCaptureGroupTokenFilter(in, original, patterns));
        });
  }

  @Override
  public Map<String, AnalysisProvider<TokenizerFactory>> getTokenizers() {
    return Map.of(
        "uax_url_email",
        (index, node, name, settings) -> TokenizerFactory.newFactory(name, UAX29URLEmailTokenizer::new));
  }

  /** The handlers of our own. */
  static List<RestHandler> handlers(Settings settings) {
    return List.of(new Greeting(settings.get("cluster.name", "elasticsearch")));
  }

  /** An analyzer that needs no settings. */
  private record Ready(String name, Analyzer get) implements AnalyzerProvider<Analyzer> {
    @Override
    public AnalyzerScope scope() {
      return AnalyzerScope.INDEX;
    }
  }

  /** A token filter of Lucene. */
  private record Filter(String name, UnaryOperator<TokenStream> lucene) implements TokenFilterFactory {
    @Override
    public TokenStream create(TokenStream input) {
      return lucene.apply(input);
    }
  }
}
