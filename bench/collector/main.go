// A Collector of three parts: the OTLP receiver, the connector spanmetrics, and an exporter that says how many spans
// the metrics tell of and drops them. Its configuration is the first argument.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"strings"

	"github.com/open-telemetry/opentelemetry-collector-contrib/connector/spanmetricsconnector"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/provider/fileprovider"
	"go.opentelemetry.io/collector/connector"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
	"go.opentelemetry.io/collector/otelcol"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/otlpreceiver"
	"go.opentelemetry.io/collector/service/telemetry"
)

type nothing struct{}

func calls(m pmetric.Metrics) (sum int64) {
	for _, resource := range m.ResourceMetrics().All() {
		for _, scope := range resource.ScopeMetrics().All() {
			for _, metric := range scope.Metrics().All() {
				if metric.Type() != pmetric.MetricTypeSum || !strings.HasSuffix(metric.Name(), "calls") {
					continue
				}
				for _, point := range metric.Sum().DataPoints().All() {
					sum += point.IntValue()
				}
			}
		}
	}
	return sum
}

func say(_ context.Context, m pmetric.Metrics) error {
	_, err := fmt.Fprintf(os.Stderr, "measured %d\n", calls(m))
	return err
}

func drop(ctx context.Context, set exporter.Settings, config component.Config) (exporter.Metrics, error) {
	return exporterhelper.NewMetrics(ctx, set, config, say)
}

func factories() (otelcol.Factories, error) {
	empty := func() component.Config { return &nothing{} }
	dropped := exporter.NewFactory(component.MustNewType("drop"), empty,
		exporter.WithMetrics(drop, component.StabilityLevelDevelopment))
	received, measured := otlpreceiver.NewFactory(), spanmetricsconnector.NewFactory()
	return otelcol.Factories{
		Receivers:  map[component.Type]receiver.Factory{received.Type(): received},
		Connectors: map[component.Type]connector.Factory{measured.Type(): measured},
		Exporters:  map[component.Type]exporter.Factory{dropped.Type(): dropped},
		Telemetry:  telemetry.NewFactory(empty),
	}, nil
}

func main() {
	settings := otelcol.CollectorSettings{
		BuildInfo: component.BuildInfo{Command: "collector"},
		Factories: factories,
		ConfigProviderSettings: otelcol.ConfigProviderSettings{ResolverSettings: confmap.ResolverSettings{
			URIs:              []string{"file:" + os.Args[1]},
			ProviderFactories: []confmap.ProviderFactory{fileprovider.NewFactory()}}}}
	col, err := otelcol.NewCollector(settings)
	if err == nil {
		err = col.Run(context.Background())
	}
	if err != nil {
		log.Fatal(err)
	}
}
