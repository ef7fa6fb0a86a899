# Records what GenServers do on a running node, as a transcript for `genreply trace`.
#
# It writes down what the BEAM's own tracing shows, and no more: process identifiers, references,
# monotonic times. The reader works out the rest: who is a caller, what caused what, whose answer
# went to whom.
#
#     iex> Code.require_file("tracer.exs")
#     iex> GenreplyTracer.start("mine.jsonl", [MyApp.Coordinator])   # registered names, or pids
#     iex> GenreplyTracer.stop()
#
# A server is traced until it ends, and so is every process that it starts. A caller is traced
# from its first call on, so that the transcript can say when it gave up.

defmodule GenreplyTracer do
  # Milliseconds that an event waits before it is written: events of different processes may come
  # in the wrong order, and are sorted by time.
  @settle 100

  @server [:send, :receive, :procs, :set_on_spawn, :call, :strict_monotonic_timestamp]
  @caller [:receive, :procs, :call, :strict_monotonic_timestamp]

  @doc """
  Begin a transcript of these servers, in a file, which must not exist yet, or on a device such as
  `:stdio`. There is one at a time.
  """
  def start(output, servers \\ [], title \\ nil) do
    parent = self()
    {tracer, monitor} = spawn_monitor(fn -> begin(output, title, parent) end)

    receive do
      {^tracer, :ready} -> Process.demonitor(monitor, [:flush])
      {:DOWN, ^monitor, :process, _tracer, reason} -> exit(reason)
    end

    Enum.each(servers, &trace/1)
  end

  @doc "Trace one more server, and all processes that it starts from now on."
  def trace(server) do
    pid = if is_pid(server), do: server, else: Process.whereis(server)
    pid || raise ArgumentError, "no process is registered as #{inspect(server)}"
    send(__MODULE__, {:server, pid, now(), self()})

    receive do
      {__MODULE__, :traced} -> :ok
    end
  end

  @doc "End the transcript. All that happened before is in it."
  def stop do
    tracer = Process.whereis(__MODULE__)
    monitor = Process.monitor(tracer)
    send(tracer, :stop)

    receive do
      {:DOWN, ^monitor, :process, _tracer, reason} -> reason
    end
  end

  # The tracer is a process: it collects events, sorts them, and writes lines ----------------------

  defp begin(output, title, parent) do
    Process.register(self(), __MODULE__)

    device =
      if is_binary(output), do: File.open!(output, [:write, :utf8, :exclusive]), else: output

    # every call ends with a demonitor, whether an answer came or not: this shows a timeout
    :erlang.trace_pattern({:erlang, :demonitor, 2}, true, [])
    by = "Elixir #{System.version()} on OTP #{System.otp_release()}"
    write(device, format: "genreply", version: 1, by: by, title: title, clock: "real")
    Process.send_after(self(), :settle, @settle)
    send(parent, {self(), :ready})

    collect([], %{
      device: device,
      seq: 0,
      # pids, and whether they are alive
      servers: %{},
      # callers, and the call that each of them made last
      callers: %{},
      # calls without an answer: their caller and their server
      open: %{},
      # messages on their way from one traced process to another
      sent: %{},
      # requests of OTP's own, such as :sys.get_state
      system: MapSet.new(),
      # the reference of the last question: is all that happened delivered?
      delivered: nil
    })
  end

  defp collect(events, state) do
    receive do
      # a call, perhaps of a new caller
      {:trace_ts, pid, :receive, {:"$gen_call", {caller, _tag}, _message} = detail, time} ->
        collect([{time, pid, :receive, detail, nil} | events], trace_caller(caller, state))

      {:trace_ts, pid, what, detail, time} ->
        collect([{time, pid, what, detail, nil} | events], state)

      {:trace_ts, pid, what, detail, other, time} ->
        collect([{time, pid, what, detail, other} | events], state)

      {:server, pid, time, from} ->
        :erlang.trace(pid, true, [{:tracer, self()} | @server])
        send(from, {__MODULE__, :traced})
        collect([{time, pid, :known, module(pid), registered(pid)} | events], state)

      :settle ->
        Process.send_after(self(), :settle, @settle)
        {newest, _unique} = now()
        limit = {newest - System.convert_time_unit(@settle, :millisecond, :native), 0}

        {new, settled} =
          Enum.split_while(Enum.sort(events, :desc), fn event -> elem(event, 0) > limit end)

        collect(new, settled |> Enum.reverse() |> Enum.reduce(state, &see/2))

      :stop ->
        collect(events, %{state | delivered: :erlang.trace_delivered(:all)})

      {:trace_delivered, :all, delivered} when delivered == state.delivered ->
        :erlang.trace_pattern({:erlang, :demonitor, 2}, false, [])
        state = events |> Enum.sort() |> Enum.reduce(state, &see/2)
        line(state, now(), kind: "end")
        if is_pid(state.device), do: File.close(state.device)
    end
  end

  defp trace_caller(caller, state) when is_map_key(state.callers, caller), do: state

  defp trace_caller(caller, state) do
    :erlang.trace(caller, true, [{:tracer, self()} | @caller])
    %{state | callers: Map.put(state.callers, caller, nil)}
  rescue
    # it has ended, or lives on another node
    ArgumentError -> state
  end

  # What an event says -----------------------------------------------------------------------------

  # a GenServer begins
  defp see(
         {time, pid, :spawned, _parent,
          {:proc_lib, :init_p, [_, _, :gen, :init_it, [:gen_server | args]]}},
         state
       ) do
    {parent, name, module} =
      case args do
        [_starter, parent, module, _argument, _options] -> {parent, nil, module}
        [_starter, parent, {_how, name}, module, _argument, _options] -> {parent, name, module}
        [_starter, parent, {_via, _registry, name}, module, _, _] -> {parent, name, module}
      end

    start(time, pid, module, name, if(is_pid(parent), do: parent), state)
  end

  # or was there before the recording
  defp see({time, pid, :known, module, name}, state) when module != nil,
    do: start(time, pid, module, name, nil, state)

  defp see({time, pid, :exit, reason, nil}, state) when is_map_key(state.servers, pid) do
    on_the_way = Map.reject(state.sent, fn {{target, _message}, _count} -> target == pid end)
    state = %{state | servers: %{state.servers | pid => :ended}, sent: on_the_way}
    line(state, time, kind: "exit", at: pid, reason: reason(reason))
  end

  # a caller that ends while it waits
  defp see({time, pid, :exit, _reason, nil}, state) when is_map_key(state.callers, pid) do
    {call, callers} = Map.pop(state.callers, pid)
    {waiting, open} = Map.pop(state.open, call)
    state = %{state | callers: callers, open: open}

    case waiting do
      {^pid, server} -> line(state, time, kind: "cancel", call: call, from: pid, to: server)
      nil -> state
    end
  end

  # A message is seen when it leaves a traced process, and when it arrives at one. It is written
  # once: with its sender, if that is traced.
  defp see({time, pid, :send, message, target}, state) do
    target = if is_atom(target), do: Process.whereis(target), else: target
    state = message(time, message, pid, target, state)

    if state.servers[target] == :alive,
      do: %{state | sent: Map.update(state.sent, {target, message}, 1, &(&1 + 1))},
      else: state
  end

  defp see({time, pid, :receive, {:DOWN, monitor, :process, _pid, reason}, nil}, state)
       when is_map_key(state.open, monitor) do
    {{caller, server}, open} = Map.pop(state.open, monitor)
    line = [kind: "down", call: monitor, from: server, to: caller, reason: reason(reason)]
    if pid == caller, do: line(%{state | open: open}, time, line), else: state
  end

  defp see({time, pid, :receive, message, nil}, state) do
    case state.sent do
      %{{^pid, ^message} => 1} ->
        %{state | sent: Map.delete(state.sent, {pid, message})}

      %{{^pid, ^message} => count} ->
        %{state | sent: Map.put(state.sent, {pid, message}, count - 1)}

      _ ->
        message(time, message, nil, pid, state)
    end
  end

  # a caller stops watching the server, and no answer has been sent: it gave up
  defp see({time, pid, :call, {:erlang, :demonitor, [monitor, _]}, nil}, state) do
    case Map.pop(state.open, monitor) do
      {{^pid, server}, open} ->
        line(%{state | open: open}, time, kind: "timeout", call: monitor, from: pid, to: server)

      _ ->
        state
    end
  end

  defp see(_event, state), do: state

  defp start(time, pid, module, name, parent, state) do
    name = if name != nil, do: inspect(name)
    state = %{state | servers: Map.put(state.servers, pid, :alive)}
    line(state, time, kind: "start", at: pid, name: name, module: inspect(module), linked: parent)
  end

  # What a message is ------------------------------------------------------------------------------

  defp message(time, {:"$gen_call", {caller, [:alias | call]}, message}, _source, server, state)
       when is_map_key(state.servers, server) do
    callers = Map.put(state.callers, caller, call)
    state = %{state | callers: callers, open: Map.put(state.open, call, {caller, server})}
    line(state, time, kind: "call", call: call, from: caller, to: server, message: message)
  end

  defp message(time, {:"$gen_cast", message}, source, server, state)
       when is_map_key(state.servers, server),
       do: line(state, time, kind: "cast", from: source, to: server, message: message)

  defp message(_time, {:system, {_asker, [:alias | request]}, _what}, _source, _target, state),
    do: %{state | system: MapSet.put(state.system, request)}

  defp message(time, {[:alias | call], answer}, server, _target, state)
       when is_map_key(state.servers, server) do
    if call in state.system do
      %{state | system: MapSet.delete(state.system, call)}
    else
      state = %{state | open: Map.delete(state.open, call)}
      line(state, time, kind: "reply", call: call, from: server, message: answer)
    end
  end

  # an answer to a server that has called, and what OTP's modules say to each other
  defp message(_time, {[:alias | _call], _answer}, _source, _target, state), do: state

  defp message(_time, message, _source, _target, state)
       when message == :timeout or
              elem(message, 0) in [:ack, :system, :io_request, :io_reply, :code_server],
       do: state

  defp message(time, message, source, target, state) when is_map_key(state.servers, target),
    do: line(state, time, kind: "info", from: source, to: target, message: message)

  defp message(_time, _message, _source, _target, state), do: state

  defp module(pid) do
    case :proc_lib.translate_initial_call(pid) do
      {module, :init, 1} -> module
      _ -> nil
    end
  end

  defp registered(pid) do
    case Process.info(pid, :registered_name) do
      {:registered_name, name} when is_atom(name) -> name
      _ -> nil
    end
  end

  defp now, do: {:erlang.monotonic_time(), :erlang.unique_integer([:monotonic])}

  # Lines of JSON ----------------------------------------------------------------------------------

  defp line(state, {time, _unique}, fields) do
    seconds = System.convert_time_unit(time, :native, :nanosecond) / 1.0e9

    write(
      state.device,
      [seq: state.seq + 1, t: seconds] ++ Enum.reject(fields, fn {_, value} -> value == nil end)
    )

    %{state | seq: state.seq + 1}
  end

  defp write(device, fields), do: IO.write(device, [object(fields), "\n"])

  defp object(fields),
    do: [
      "{",
      Enum.map_intersperse(fields, ",", fn {key, value} -> [json(key), ":", json(value)] end),
      "}"
    ]

  defp json(nil), do: "null"
  defp json(value) when is_boolean(value) or is_integer(value), do: to_string(value)
  defp json(value) when is_float(value), do: :erlang.float_to_binary(value, [:short])

  defp json(value) when is_atom(value),
    do: value |> Atom.to_string() |> String.replace_prefix("Elixir.", "") |> string()

  defp json(value) when is_pid(value) or is_reference(value), do: string(inspect(value))
  defp json(value) when is_tuple(value), do: value |> Tuple.to_list() |> json()
  defp json(%{__struct__: _} = value), do: object(repr: text(value))

  defp json(value) when is_binary(value),
    do: if(String.valid?(value), do: string(value), else: object(repr: text(value)))

  defp json(value) when is_map(value) do
    if Enum.all?(Map.keys(value), &(is_atom(&1) or (is_binary(&1) and String.valid?(&1)))),
      do: object(Enum.map(value, fn {key, item} -> {to_string(key), item} end)),
      else: object(repr: text(value))
  end

  defp json(value) when is_list(value) do
    if List.improper?(value),
      do: object(repr: text(value)),
      else: ["[", Enum.map_intersperse(value, ",", &json/1), "]"]
  end

  defp json(value), do: object(repr: text(value))

  defp text(value), do: inspect(value, limit: 50, printable_limit: 1000, width: :infinity)

  defp reason({error, [{_module, _function, _arity, _location} | _stack]}), do: reason(error)

  defp reason(%{__exception__: true} = error),
    do: "#{inspect(error.__struct__)}: #{Exception.message(error)}"

  defp reason(reason) when is_atom(reason), do: Atom.to_string(reason)
  defp reason(reason), do: text(reason)

  # control characters, and those that turn the direction of text, are always escaped
  defp string(text), do: [?", for(<<character::utf8 <- text>>, do: escape(character)), ?"]

  defp escape(?"), do: ~S(\")
  defp escape(?\\), do: ~S(\\)

  defp escape(character)
       when character < 0x20 or character in 0x7F..0x9F or character in 0x2028..0x202E or
              character in 0x2066..0x2069 or
              character in [0x061C, 0x200E, 0x200F, 0xFEFF],
       do: [
         "\\u",
         character |> Integer.to_string(16) |> String.downcase() |> String.pad_leading(4, "0")
       ]

  defp escape(character), do: <<character::utf8>>
end
