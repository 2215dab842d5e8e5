// Command kstatus judges Kubernetes objects as the real programs do.
//
// It reads {"exprs": <a healthCheckExprs entry of Flux>, "objects": [...]} and writes a list of
// {"kstatus": ..., "flux": ...}: the status by kstatus alone, as Helm and kpt wait, and by Flux
// with those expressions.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/fluxcd/pkg/apis/kustomize"
	"github.com/fluxcd/pkg/runtime/cel"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/cli-utils/pkg/kstatus/status"
)

type question struct {
	Exprs   kustomize.HealthCheckExpressions `json:"exprs"`
	Objects []unstructured.Unstructured      `json:"objects"`
}

type verdict struct {
	Kstatus string `json:"kstatus"`
	Flux    string `json:"flux"`
}

func judge(asked question) ([]verdict, error) {
	flux, err := cel.NewStatusEvaluator(&asked.Exprs)
	if err != nil {
		return nil, err
	}
	verdicts := []verdict{}
	for i := range asked.Objects {
		object := &asked.Objects[i]
		plain, err := status.Compute(object)
		if err != nil {
			return nil, err
		}
		withExprs, err := flux.Evaluate(context.Background(), object)
		if err != nil {
			return nil, err
		}
		verdicts = append(verdicts, verdict{plain.Status.String(), withExprs.Status.String()})
	}
	return verdicts, nil
}

func main() {
	var asked question
	err := json.NewDecoder(os.Stdin).Decode(&asked)
	if err == nil {
		var verdicts []verdict
		if verdicts, err = judge(asked); err == nil {
			err = json.NewEncoder(os.Stdout).Encode(verdicts)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
