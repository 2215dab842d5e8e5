//go:build pinned

// Package kuberay names the KubeRay operator, so that `go mod tidy` keeps it and all that it
// needs in go.mod and go.sum. Nothing compiles it: build.py builds the operator's own main.
package kuberay

import _ "github.com/ray-project/kuberay/ray-operator"
