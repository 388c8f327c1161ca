// Package kubernetes holds the manifests of a campaign on Kubernetes. They are read here as Kubernetes reads them, field by field.
package kubernetes

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/stretchr/testify/require"
	apps "k8s.io/api/apps/v1"
	batch "k8s.io/api/batch/v1"
	core "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/firstgap/firstgap/cmd/command"
)

// commandKey names the variable by which this binary is the command firstgap.
const commandKey = "FIRSTGAP_MANIFESTS_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(commandKey) != "" {
		os.Exit(command.Main())
	}
	os.Exit(m.Run())
}

// manifests are the documents of all files, by kind and name.
type manifests map[string]any

func (m manifests) add(document []byte) error {
	var head struct {
		Kind     string `json:"kind"`
		Metadata struct {
			Name string `json:"name"`
		} `json:"metadata"`
	}
	if err := yaml.Unmarshal(document, &head); err != nil {
		return err
	}
	kinds := map[string]any{"ConfigMap": &core.ConfigMap{}, "Service": &core.Service{}, "StatefulSet": &apps.StatefulSet{},
		"PersistentVolumeClaim": &core.PersistentVolumeClaim{}, "Job": &batch.Job{}}
	value, known := kinds[head.Kind]
	if !known {
		return fmt.Errorf("kind %q is not one of those that are read here", head.Kind)
	}
	if err := yaml.UnmarshalStrict(document, value); err != nil {
		return err
	}
	key := head.Kind + "/" + head.Metadata.Name
	if _, twice := m[key]; twice {
		return fmt.Errorf("%s is there twice", key)
	}
	m[key] = value
	return nil
}

func read(t *testing.T) manifests {
	t.Helper()
	files, err := filepath.Glob("*.yaml")
	require.NoError(t, err)
	require.Len(t, files, 3)
	m := manifests{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, document := range bytes.Split(text, []byte("\n---\n")) {
			require.NoError(t, m.add(document), file)
		}
	}
	require.Len(t, m, 6)
	return m
}

// pods returns the templates of pods, by what makes them.
func (m manifests) pods() map[string]core.PodSpec {
	return map[string]core.PodSpec{
		"nats":     m["StatefulSet/firstgap-nats"].(*apps.StatefulSet).Spec.Template.Spec,
		"campaign": m["Job/firstgap-campaign"].(*batch.Job).Spec.Template.Spec,
		"workers":  m["Job/firstgap-workers"].(*batch.Job).Spec.Template.Spec,
	}
}

func TestManifestsAreThoseOfKubernetes(t *testing.T) {
	m := read(t)
	require.ErrorContains(t, m.add([]byte("kind: Job\nmetadata: {name: x}\nspec: {paralelism: 3}\n")), `unknown field "paralelism"`)
	require.ErrorContains(t, m.add([]byte("kind: Job\nmetadata: {name: x}\nspec: {parallelism: many}\n")), "parallelism")
	require.ErrorContains(t, m.add([]byte("kind: Frog\n")), `kind "Frog"`)
	require.ErrorContains(t, m.add([]byte("kind: Job\nmetadata: {name: firstgap-workers}\n")), "there twice")
}

// What one manifest says of another is so.
func TestManifestsFitTogether(t *testing.T) {
	m := read(t)
	secrets := map[string]bool{}
	for name, pod := range m.pods() {
		require.Len(t, pod.Containers, 1, name)
		c := pod.Containers[0]
		volumes := map[string]bool{}
		for _, v := range pod.Volumes {
			volumes[v.Name] = true
			if v.ConfigMap != nil {
				require.Contains(t, m, "ConfigMap/"+v.ConfigMap.Name)
			}
			if v.PersistentVolumeClaim != nil {
				require.Contains(t, m, "PersistentVolumeClaim/"+v.PersistentVolumeClaim.ClaimName)
			}
		}
		if name == "nats" {
			for _, claim := range m["StatefulSet/firstgap-nats"].(*apps.StatefulSet).Spec.VolumeClaimTemplates {
				volumes[claim.Name] = true
			}
		}
		for _, v := range c.VolumeMounts {
			require.True(t, volumes[v.Name], "%s: %s", name, v.Name)
		}
		env := map[string]bool{}
		for _, e := range c.Env {
			env[e.Name] = true
			if e.ValueFrom.SecretKeyRef != nil {
				secrets[e.ValueFrom.SecretKeyRef.Name+"/"+e.ValueFrom.SecretKeyRef.Key] = true
			}
		}
		for _, arg := range c.Args {
			for _, used := range regexp.MustCompile(`\$\((\w+)\)`).FindAllStringSubmatch(arg, -1) {
				require.True(t, env[used[1]], "%s: %s", name, arg)
			}
		}
		require.False(t, c.Resources.Requests.Memory().IsZero(), name)
	}
	require.Equal(t, map[string]bool{"firstgap-nats/password": true}, secrets)

	set := m["StatefulSet/firstgap-nats"].(*apps.StatefulSet)
	service := m["Service/firstgap-nats"].(*core.Service)
	require.Equal(t, service.Name, set.Spec.ServiceName)
	require.Equal(t, service.Spec.Selector, set.Spec.Template.Labels)
	require.Equal(t, set.Spec.Selector.MatchLabels, set.Spec.Template.Labels)
	require.Equal(t, int32(1), *set.Spec.Replicas)
	for _, name := range []string{"campaign", "workers"} {
		found := false
		for _, arg := range m.pods()[name].Containers[0].Args {
			found = found || strings.HasSuffix(arg, fmt.Sprintf("@%s:%d", service.Name, service.Spec.Ports[0].Port))
		}
		require.True(t, found, "%s reaches the server", name)
	}
	workers := m["Job/firstgap-workers"].(*batch.Job)
	require.Equal(t, batch.IndexedCompletion, *workers.Spec.CompletionMode)
	require.LessOrEqual(t, *workers.Spec.Parallelism, *workers.Spec.Completions)
}

// The server's configuration is nats-server's, with JetStream, users and a sync of every write.
func TestTheServersConfiguration(t *testing.T) {
	t.Setenv("FLEET_PASSWORD", "segment")
	file := filepath.Join(t.TempDir(), "nats.conf")
	text := read(t)["ConfigMap/firstgap-nats"].(*core.ConfigMap).Data["nats.conf"]
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	o, err := server.ProcessConfigFile(file)
	require.NoError(t, err)
	require.True(t, o.JetStream)
	require.True(t, o.SyncAlways)
	require.Equal(t, "/data", o.StoreDir)
	require.Len(t, o.Users, 1)
	require.Equal(t, "fleet", o.Users[0].Username)
	require.Equal(t, "segment", o.Users[0].Password)
	require.Equal(t, 4222, o.Port)
}

// The command knows the flags of the pods.
func TestTheCommandKnowsTheFlags(t *testing.T) {
	try := func(args ...string) (string, error) {
		c := exec.Command(os.Args[0], append(args, "--help")...)
		c.Env = append(os.Environ(), commandKey+"=1")
		out, err := c.CombinedOutput()
		return string(out), err
	}
	for _, name := range []string{"campaign", "workers"} {
		out, err := try(read(t).pods()[name].Containers[0].Args...)
		require.NoError(t, err, out)
		require.Contains(t, out, "exit codes: ")
	}
	out, err := try("worker", "--frogs")
	require.Error(t, err)
	require.Contains(t, out, "unknown flag: --frogs")
}
