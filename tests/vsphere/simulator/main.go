// A vCenter for tests: govmomi's simulator, with what the provider needs to be tested by beside it.
//
//   - every request is kept as it came (GET /control/log), for what the simulator takes but does not model;
//   - the next request of a method can fail in the ways that networks and servers do (POST /control/fault);
//   - a machine that is switched on and has a serial port over the network really listens, or connects, and speaks telnet;
//   - a few things are as a real vCenter has them: port groups name their machines and are not destroyed while they have some,
//     a key of extraConfig is there once, standard port groups of one name on several hosts are one network, names are unique
//     in their folder, firewalls are each host's own.
package main

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"encoding/xml"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"os"
	"reflect"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

type fault struct {
	Method string `json:"method"` // empty: any
	Skip   int    `json:"skip"`   // as many pass before
	Times  int    `json:"times"`
	Kind   string `json:"kind"`  // fault, task, drop, lost, stall, status, stale
	Fault  string `json:"fault"` // type of the fault
	Inner  string `json:"inner"` // its fields, as XML
}

type request struct {
	Method string `json:"method"`
	Body   string `json:"body"`
}

type vcenter struct {
	next   http.Handler
	turn   sync.Mutex // one request at a time: the simulator's own locks do not cover what `settle` changes
	state  sync.Mutex
	faults []*fault
	log    []request
	lines  map[string]*line
	said   map[string][]string // the last different answers to each question
}

// What is answered, kept before it is sent.
type kept struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (k *kept) Header() http.Header         { return k.header }
func (k *kept) Write(b []byte) (int, error) { return k.body.Write(b) }
func (k *kept) WriteHeader(status int)      { k.status = status }

// read answers a question; `stale`: as it was answered before, if that was another answer.
func (v *vcenter) read(w http.ResponseWriter, r *http.Request, name, body string, stale bool) {
	now := &kept{header: http.Header{}, status: http.StatusOK}
	v.serve(now, r, name, body)
	text, key := now.body.String(), body[strings.Index(body, "Body"):]
	v.state.Lock()
	old := v.said[key]
	if now.status == http.StatusOK && (len(old) == 0 || old[len(old)-1] != text) {
		v.said[key] = append(old, text)
	}
	if stale && len(old) > 0 {
		last := old[len(old)-1]
		if last == text && len(old) > 1 {
			last = old[len(old)-2]
		}
		text = last
	}
	v.state.Unlock()
	for key, values := range now.header {
		w.Header()[key] = values
	}
	w.Header().Del("Content-Length")
	w.WriteHeader(now.status)
	fmt.Fprint(w, text)
}

var method = regexp.MustCompile(`<(?:\w+:)?Body[^>]*>\s*<(?:\w+:)?(\w+)`)

func (v *vcenter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case strings.HasPrefix(r.URL.Path, "/control/"):
		v.control(w, r)
		return
	case r.Method != http.MethodPost || !strings.HasPrefix(r.URL.Path, "/sdk"):
		v.next.ServeHTTP(w, r)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	name := ""
	if found := method.FindSubmatch(body); found != nil {
		name = string(found[1])
	}
	r.Body = io.NopCloser(strings.NewReader(string(body)))
	planned := v.take(name, string(body))
	if strings.HasPrefix(name, "Retrieve") || strings.HasPrefix(name, "Find") {
		if planned == nil || planned.Kind == "stale" {
			v.read(w, r, name, string(body), planned != nil)
			return
		}
	} else if planned != nil && planned.Kind == "stale" {
		planned = nil
	}
	if planned != nil && planned.Kind != "lost" {
		v.fail(w, r, name, planned)
		return
	}
	if planned != nil {
		w = &lost{header: http.Header{}}
	}
	v.serve(w, r, name, string(body))
	if planned != nil {
		panic(http.ErrAbortHandler)
	}
}

func (v *vcenter) serve(w http.ResponseWriter, r *http.Request, name, body string) {
	v.turn.Lock()
	defer v.turn.Unlock() // also when the simulator panics, as it does
	if kind, text, inner := v.refused(name, body); kind != "" {
		refuse(w, kind, text, inner)
		return
	}
	v.next.ServeHTTP(w, r)
	if !strings.HasPrefix(name, "Retrieve") && !strings.HasPrefix(name, "Find") {
		v.settle()
	}
}

type lost struct{ header http.Header }

func (l *lost) Header() http.Header         { return l.header }
func (l *lost) Write(b []byte) (int, error) { return len(b), nil }
func (l *lost) WriteHeader(int)             {}

func (v *vcenter) take(name, body string) *fault {
	v.state.Lock()
	defer v.state.Unlock()
	v.log = append(v.log, request{Method: name, Body: body})
	for _, one := range v.faults {
		if one.Times == 0 || (one.Method != "" && one.Method != name) {
			continue
		}
		if one.Skip > 0 {
			one.Skip--
			continue
		}
		one.Times--
		return one
	}
	return nil
}

func (v *vcenter) fail(w http.ResponseWriter, r *http.Request, name string, planned *fault) {
	switch planned.Kind {
	case "drop":
		panic(http.ErrAbortHandler)
	case "stall":
		select {
		case <-r.Context().Done():
		case <-time.After(60 * time.Second):
		}
		panic(http.ErrAbortHandler)
	case "status":
		http.Error(w, "Service Unavailable", http.StatusServiceUnavailable)
	case "task":
		kind, ok := types.TypeFunc()(planned.Fault)
		if !ok {
			http.Error(w, "no such fault", http.StatusBadRequest)
			return
		}
		wrong := reflect.New(kind).Interface().(types.BaseMethodFault)
		v.turn.Lock()
		task := simulator.CreateTask(simulator.Map.SearchIndex(), name, func(*simulator.Task) (types.AnyType, types.BaseMethodFault) {
			return nil, wrong
		}).Run()
		v.turn.Unlock()
		envelope(w, http.StatusOK, fmt.Sprintf(`<%sResponse xmlns="urn:vim25"><returnval type="Task">%s</returnval></%sResponse>`,
			name, task.Value, name))
	default:
		refuse(w, planned.Fault, "told to", planned.Inner)
	}
}

func refuse(w http.ResponseWriter, kind, text, inner string) {
	envelope(w, http.StatusInternalServerError, fmt.Sprintf(`<soapenv:Fault><faultcode>ServerFaultCode</faultcode><faultstring>%s</faultstring>`+
		`<detail><%sFault xmlns="urn:vim25" xsi:type="%s">%s</%sFault></detail></soapenv:Fault>`, text, kind, kind, inner, kind))
}

func envelope(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "text/xml; charset=utf-8")
	w.WriteHeader(status)
	fmt.Fprintf(w, `%s<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" `+
		`xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><soapenv:Body>%s</soapenv:Body></soapenv:Envelope>`, xml.Header, body)
}

var (
	cloned = regexp.MustCompile(`<folder[^>]*>([^<]+)</folder><name[^>]*>([^<]+)</name>`)
)

// What a real vCenter refuses and the simulator does, or dies of: the fault, its text and its fields.
func (v *vcenter) refused(name, body string) (string, string, string) {
	found := cloned.FindStringSubmatch(body)
	if name != "CloneVM_Task" || found == nil {
		return "", "", ""
	}
	folder, ok := simulator.Map.Get(types.ManagedObjectReference{Type: "Folder", Value: found[1]}).(*simulator.Folder)
	if !ok {
		return "ManagedObjectNotFound", "The object has already been deleted or has not been completely created",
			fmt.Sprintf(`<obj type="Folder">%s</obj>`, found[1])
	}
	if other := simulator.Map.FindByName(found[2], folder.ChildEntity); other != nil {
		at := other.Reference()
		return "DuplicateName", "The name '" + found[2] + "' already exists.",
			fmt.Sprintf(`<name>%s</name><object type="%s">%s</object>`, found[2], at.Type, at.Value)
	}
	return "", "", ""
}

func (v *vcenter) control(w http.ResponseWriter, r *http.Request) {
	v.state.Lock()
	defer v.state.Unlock()
	switch strings.TrimPrefix(r.URL.Path, "/control/") {
	case "fault":
		var planned fault
		if err := json.NewDecoder(r.Body).Decode(&planned); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		v.faults = append(v.faults, &planned)
	case "log":
		_ = json.NewEncoder(w).Encode(v.log)
	case "clear":
		v.faults, v.log = nil, nil
	default:
		http.NotFound(w, r)
	}
}

// settle brings the model to what a real vCenter has after a change.
func (v *vcenter) settle() {
	users := map[string][]types.ManagedObjectReference{}
	wanted := map[string]*types.VirtualDeviceURIBackingInfo{}
	for _, entity := range simulator.Map.All("VirtualMachine") {
		vm := entity.(*simulator.VirtualMachine)
		vm.Config.ExtraConfig = once(vm.Config.ExtraConfig)
		for _, device := range vm.Config.Hardware.Device {
			switch backing := device.GetVirtualDevice().Backing.(type) {
			case *types.VirtualEthernetCardDistributedVirtualPortBackingInfo:
				users[backing.Port.PortgroupKey] = append(users[backing.Port.PortgroupKey], vm.Self)
			case *types.VirtualEthernetCardNetworkBackingInfo:
				if backing.Network != nil {
					users[backing.Network.Value] = append(users[backing.Network.Value], vm.Self)
				}
			case *types.VirtualSerialPortURIBackingInfo:
				if vm.Runtime.PowerState == types.VirtualMachinePowerStatePoweredOn {
					wanted[vm.Self.Value] = &backing.VirtualDeviceURIBackingInfo
				}
			}
		}
		vm.Runtime.BootTime = vm.Summary.Runtime.BootTime
	}
	for _, entity := range simulator.Map.All("DistributedVirtualPortgroup") {
		group := entity.(*simulator.DistributedVirtualPortgroup)
		group.Vm = users[group.Key]
	}
	for _, entity := range simulator.Map.All("Network") {
		if network, ok := entity.(*mo.Network); ok {
			network.Vm = users[network.Self.Value]
		}
	}
	v.state.Lock()
	defer v.state.Unlock()
	for key, one := range v.lines {
		if wanted[key] == nil {
			one.end()
			delete(v.lines, key)
		}
	}
	for key, backing := range wanted {
		if v.lines[key] == nil {
			vm := simulator.Map.Get(types.ManagedObjectReference{Type: "VirtualMachine", Value: key}).(*simulator.VirtualMachine)
			host := simulator.Map.Get(*vm.Runtime.Host).(*simulator.HostSystem)
			v.lines[key] = begin(vm.Name, host.Name, backing)
		}
	}
}

func once(options []types.BaseOptionValue) []types.BaseOptionValue {
	last := map[string]int{}
	for i, option := range options {
		last[option.GetOptionValue().Key] = i
	}
	var kept []types.BaseOptionValue
	for i, option := range options {
		value := option.GetOptionValue()
		if last[value.Key] == i && value.Value != "" {
			kept = append(kept, option)
		}
	}
	return kept
}

// Firewall is a host's own, and takes allowed addresses.
type Firewall struct {
	mo.HostFirewallSystem
	real *simulator.HostFirewallSystem
}

func (f *Firewall) EnableRuleset(req *types.EnableRuleset) soap.HasFault   { return f.real.EnableRuleset(req) }
func (f *Firewall) DisableRuleset(req *types.DisableRuleset) soap.HasFault { return f.real.DisableRuleset(req) }

func (f *Firewall) UpdateRuleset(req *types.UpdateRuleset) soap.HasFault {
	body := &methods.UpdateRulesetBody{}
	for i := range f.FirewallInfo.Ruleset {
		if f.FirewallInfo.Ruleset[i].Key == req.Id {
			allowed := req.Spec.AllowedHosts
			f.FirewallInfo.Ruleset[i].AllowedHosts = &allowed
			body.Res = new(types.UpdateRulesetResponse)
			return body
		}
	}
	body.Fault_ = simulator.Fault("", &types.NotFound{})
	return body
}

// Switches lets hosts have port groups of one name.
type Switches struct {
	mo.HostNetworkSystem
	real *simulator.HostNetworkSystem
}

func (s *Switches) AddVirtualSwitch(req *types.AddVirtualSwitch) soap.HasFault { return s.real.AddVirtualSwitch(req) }
func (s *Switches) RemoveVirtualSwitch(req *types.RemoveVirtualSwitch) soap.HasFault {
	return s.real.RemoveVirtualSwitch(req)
}

func (s *Switches) AddPortGroup(ctx *simulator.Context, req *types.AddPortGroup) soap.HasFault {
	answer := s.real.AddPortGroup(ctx, req).(*methods.AddPortGroupBody)
	if answer.Fault_ == nil {
		return answer
	}
	if _, ok := answer.Fault_.Detail.Fault.(*types.DuplicateName); !ok {
		return answer
	}
	for _, group := range s.NetworkInfo.Portgroup {
		if group.Spec.Name == req.Portgrp.Name {
			return &methods.AddPortGroupBody{Fault_: simulator.Fault("", &types.AlreadyExists{Name: req.Portgrp.Name})}
		}
	}
	for i := range s.NetworkInfo.Vswitch {
		if s.NetworkInfo.Vswitch[i].Name == req.Portgrp.VswitchName {
			s.NetworkInfo.Vswitch[i].Portgroup = append(s.NetworkInfo.Vswitch[i].Portgroup, req.Portgrp.Name)
		}
	}
	s.NetworkInfo.Portgroup = append(s.NetworkInfo.Portgroup, types.HostPortGroup{Spec: req.Portgrp})
	return &methods.AddPortGroupBody{Res: new(types.AddPortGroupResponse)}
}

func (s *Switches) UpdatePortGroup(req *types.UpdatePortGroup) soap.HasFault {
	for i := range s.NetworkInfo.Portgroup {
		if s.NetworkInfo.Portgroup[i].Spec.Name == req.PgName {
			s.NetworkInfo.Portgroup[i].Spec = req.Portgrp
			return &methods.UpdatePortGroupBody{Res: new(types.UpdatePortGroupResponse)}
		}
	}
	return &methods.UpdatePortGroupBody{Fault_: simulator.Fault("", &types.NotFound{})}
}

func (s *Switches) RemovePortGroup(ctx *simulator.Context, req *types.RemovePortGroup) soap.HasFault {
	var others, mine []types.HostPortGroup
	for _, group := range s.NetworkInfo.Portgroup {
		if group.Spec.Name == req.PgName {
			mine = append(mine, group)
		} else {
			others = append(others, group)
		}
	}
	if mine == nil {
		return &methods.RemovePortGroupBody{Fault_: simulator.Fault("", &types.NotFound{})}
	}
	left := 0
	for _, system := range systems() {
		for _, group := range system.NetworkInfo.Portgroup {
			if group.Spec.Name == req.PgName {
				left++
			}
		}
	}
	if left == 1 {
		return s.real.RemovePortGroup(ctx, req)
	}
	s.NetworkInfo.Portgroup = others
	for i := range s.NetworkInfo.Vswitch {
		var names []string
		for _, name := range s.NetworkInfo.Vswitch[i].Portgroup {
			if name != req.PgName {
				names = append(names, name)
			}
		}
		s.NetworkInfo.Vswitch[i].Portgroup = names
	}
	return &methods.RemovePortGroupBody{Res: new(types.RemovePortGroupResponse)}
}

func systems() []*Switches {
	var all []*Switches
	for _, entity := range simulator.Map.All("HostSystem") {
		host := entity.(*simulator.HostSystem)
		if system, ok := simulator.Map.Get(*host.ConfigManager.NetworkSystem).(*Switches); ok {
			all = append(all, system)
		}
	}
	return all
}

func dress(hosts int) {
	for i, entity := range simulator.Map.All("HostSystem") {
		host := entity.(*simulator.HostSystem)
		host.Name = fmt.Sprintf("127.0.0.%d", 11+i)
		host.Summary.Config.Name = host.Name
		nested := false
		host.Capability = &types.HostCapability{NestedHVSupported: &nested}
		config := *host.Config
		for _, feature := range []string{"SSSE3:1", "SSE41:1", "SSE42:1", "AES:1", "AVX:1", "AVX2:0"} {
			name, value, _ := strings.Cut("cpuid."+feature, ":")
			config.MaskedFeatureCapability = append(config.MaskedFeatureCapability,
				types.HostFeatureCapability{Key: name, FeatureName: name, Value: value})
		}
		host.Config = &config
		if own, ok := simulator.Map.Get(*host.ConfigManager.FirewallSystem).(*simulator.HostFirewallSystem); ok {
			info := *own.FirewallInfo
			info.Ruleset = append([]types.HostFirewallRuleset{}, info.Ruleset...)
			own.FirewallInfo = &info
			simulator.Map.Put(&Firewall{own.HostFirewallSystem, own})
		}
		if own, ok := simulator.Map.Get(*host.ConfigManager.NetworkSystem).(*simulator.HostNetworkSystem); ok {
			info := *own.NetworkInfo
			info.Portgroup = append([]types.HostPortGroup{}, info.Portgroup...)
			info.Vswitch = append([]types.HostVirtualSwitch{}, info.Vswitch...)
			own.NetworkInfo = &info
			simulator.Map.Put(&Switches{own.HostNetworkSystem, own})
		}
	}
}

func main() {
	listen := flag.String("listen", "127.0.0.1:0", "")
	certificate := flag.String("certificate", "", "")
	key := flag.String("key", "", "")
	user := flag.String("user", "labs@vsphere.local", "")
	password := flag.String("password", "", "file")
	idle := flag.Duration("idle", 0, "sessions end after this")
	hosts := flag.Int("hosts", 2, "of the cluster")
	flag.Parse()

	secret, err := os.ReadFile(*password)
	if err != nil {
		log.Fatal(err)
	}
	simulator.SessionIdleTimeout = *idle
	model := simulator.VPX()
	model.Host, model.ClusterHost, model.Machine, model.Pool = 0, *hosts, 1, 1
	defer model.Remove()
	if err := model.Create(); err != nil {
		log.Fatal(err)
	}
	dress(*hosts)
	pair, err := tls.LoadX509KeyPair(*certificate, *key)
	if err != nil {
		log.Fatal(err)
	}
	model.Service.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
	model.Service.Listen = &url.URL{Host: *listen, User: url.UserPassword(*user, strings.TrimSpace(string(secret)))}
	server := model.Service.NewServer()
	defer server.Close()
	server.Config.Handler = &vcenter{next: server.Config.Handler, lines: map[string]*line{}, said: map[string][]string{}}
	fmt.Println(server.URL.Port())
	// Whoever started this holds our standard input; when it ends, so do we.
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// line is a machine's serial port over the network.
type line struct {
	mutex  sync.Mutex
	closed bool
	ends   []io.Closer
}

func (l *line) keep(end io.Closer) bool {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if l.closed {
		_ = end.Close()
		return false
	}
	l.ends = append(l.ends, end)
	return true
}

func (l *line) end() {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.closed = true
	for _, one := range l.ends {
		_ = one.Close()
	}
}

func begin(machine, host string, backing *types.VirtualDeviceURIBackingInfo) *line {
	l := &line{}
	where, err := url.Parse(backing.ServiceURI)
	if err != nil {
		log.Printf("serial port of %s: %s", machine, err)
		return l
	}
	if backing.Direction == "client" {
		go l.call(machine, host, where.Host)
		return l
	}
	listener, err := net.Listen("tcp", net.JoinHostPort(host, where.Port()))
	if err != nil {
		log.Printf("serial port of %s: %s", machine, err) // as an ESXi host does: the machine runs, without its line
		return l
	}
	l.keep(listener)
	go func() {
		for {
			end, err := listener.Accept()
			if err != nil {
				return
			}
			if l.keep(end) {
				go talk(machine, end)
			}
		}
	}()
	return l
}

func (l *line) call(machine, host, where string) {
	from := net.Dialer{Timeout: time.Second, LocalAddr: &net.TCPAddr{IP: net.ParseIP(host)}}
	for {
		end, err := from.Dial("tcp", where)
		if err == nil {
			if !l.keep(end) {
				return
			}
			talk(machine, end)
		}
		l.mutex.Lock()
		closed := l.closed
		l.mutex.Unlock()
		if closed {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
}

const (
	iac, dont, do, wont, will, sb, se = 255, 254, 253, 252, 251, 250, 240
)

// talk is a guest's getty behind the telnet that ESXi speaks: RFC 854, with VMware's extension (option 232) offered.
func talk(machine string, end net.Conn) {
	defer end.Close()
	_, _ = end.Write([]byte{iac, will, 1, iac, will, 3, iac, will, 0, iac, do, 0, iac, do, 232})
	in, state := make([]byte, 4096), 0
	for {
		n, err := end.Read(in)
		if err != nil {
			return
		}
		var out []byte
		for _, b := range in[:n] {
			switch state {
			case 0:
				switch b {
				case iac:
					state = 1
				case '\r':
					out = append(out, []byte("\r\n"+machine+" login: ")...)
				case 0:
				case 1: // asks for an octet that telnet has to double
					out = append(out, iac, iac, '!')
				default:
					out = append(out, b)
				}
			case 1:
				switch b {
				case iac:
					out, state = append(out, iac, iac), 0
				case sb:
					state = 3
				default:
					state = 2
				}
			case 2:
				state = 0
			case 3:
				if b == iac {
					state = 4
				}
			case 4:
				if b == se {
					state = 0
				} else {
					state = 3
				}
			}
		}
		if _, err := end.Write(out); err != nil {
			return
		}
	}
}
