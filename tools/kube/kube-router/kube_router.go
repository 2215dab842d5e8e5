//go:build pinned

// Package router names kube-router, so that `go mod tidy` keeps it and all that it needs in go.mod
// and go.sum. Nothing compiles it: policies.py builds kube-router's own main.
package router

import _ "github.com/cloudnativelabs/kube-router/v2/cmd/kube-router"
