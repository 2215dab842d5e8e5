// Command alerts evaluates alerting rules over recorded series, as Prometheus and promtool do.
//
// It reads {"rules": <a rule file, YAML>, "minutes": N, "cases": [<series in promtool's notation>]},
// evaluates every rule at each minute, and writes for each case the alerts that fired, at any time.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/common/promslog"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/promql/promqltest"
	"github.com/prometheus/prometheus/rules"
)

type question struct {
	Rules   string     `json:"rules"`
	Minutes int        `json:"minutes"`
	Cases   [][]string `json:"cases"`
}

type firing struct {
	Alert       string            `json:"alert"`
	Minute      int               `json:"minute"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
}

func alerting(text string) ([]*rules.AlertingRule, error) {
	groups, errs := rulefmt.Parse([]byte(text), false, model.UTF8Validation)
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	found := []*rules.AlertingRule{}
	for _, group := range groups.Groups {
		for _, rule := range group.Rules {
			expr, err := parser.ParseExpr(rule.Expr)
			if err != nil {
				return nil, err
			}
			found = append(found, rules.NewAlertingRule(
				rule.Alert, expr, time.Duration(rule.For), time.Duration(rule.KeepFiringFor),
				labels.FromMap(rule.Labels), labels.FromMap(rule.Annotations), labels.EmptyLabels(), "",
				true, promslog.NewNopLogger(),
			))
		}
	}
	return found, nil
}

func evaluate(asked question, series []string) ([]firing, error) {
	alerts, err := alerting(asked.Rules)
	if err != nil {
		return nil, err
	}
	recorded := "load 1m\n  " + strings.Join(series, "\n  ") + "\n"
	suite, err := promqltest.NewLazyLoader(recorded, promqltest.LazyLoaderOpts{})
	if err != nil {
		return nil, err
	}
	defer suite.Close()
	query := rules.EngineQueryFunc(suite.QueryEngine(), suite.Storage())
	fired, seen := []firing{}, map[string]bool{}
	for minute := 0; minute <= asked.Minutes && err == nil; minute++ {
		now := time.Unix(int64(minute)*60, 0).UTC()
		suite.WithSamplesTill(now, func(failed error) {
			if err = failed; err != nil {
				return
			}
			for _, alert := range alerts {
				if _, err = alert.Eval(context.Background(), 0, now, query, &url.URL{}, 0); err != nil {
					return
				}
				for _, one := range alert.ActiveAlerts() {
					key := alert.Name() + one.Labels.String()
					if one.State != rules.StateFiring || seen[key] {
						continue
					}
					seen[key] = true
					fired = append(fired, firing{
						alert.Name(), minute, one.Labels.Map(), one.Annotations.Map(),
					})
				}
			}
		})
	}
	return fired, err
}

func run() error {
	var asked question
	if err := json.NewDecoder(os.Stdin).Decode(&asked); err != nil {
		return err
	}
	answers := [][]firing{}
	for _, series := range asked.Cases {
		fired, err := evaluate(asked, series)
		if err != nil {
			return err
		}
		answers = append(answers, fired)
	}
	return json.NewEncoder(os.Stdout).Encode(answers)
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
