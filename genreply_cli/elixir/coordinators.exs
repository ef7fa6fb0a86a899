# The coordinators and sockets of genreply in Elixir, to be read beside the Python.
#
# `genreply trace --explain` quotes this file. A test runs it, and compares it with the Python.
# Try it: elixir -r genreply_cli/elixir/coordinators.exs -e 'Demo.run()'

# The socket, and the article's solution -----------------------------------------------------------

defmodule WebSocket do
  use GenServer

  def start_link(caller), do: GenServer.start_link(__MODULE__, caller)
  def send_message(pid, msg), do: GenServer.cast(pid, {:send_message, msg})

  def init(caller), do: {:ok, %{caller: caller}}

  def handle_cast({:send_message, msg}, state) do
    send(state.caller, {:message_received, "#{msg} to you too!"})
    {:noreply, state}
  end
end

defmodule Coordinator do
  use GenServer

  def start(connect \\ &WebSocket.start_link/1), do: GenServer.start(__MODULE__, connect)
  def greet(pid, msg, timeout \\ 5000), do: GenServer.call(pid, {:greet, msg}, timeout)

  def init(connect) do
    {:ok, socket} = connect.(self())
    {:ok, %{async_pid: socket, caller: nil}}
  end

  def handle_call({:greet, msg}, from, state) do
    :ok = WebSocket.send_message(state.async_pid, msg)
    {:noreply, %{state | caller: from}}
  end

  def handle_info({:message_received, msg}, state) do
    GenServer.reply(state.caller, msg)
    {:noreply, state}
  end
end

# What comes before it: the basic way, and the problem ---------------------------------------------

defmodule BlockingCoordinator do
  use GenServer

  def start(connect \\ &WebSocket.start_link/1), do: GenServer.start(__MODULE__, connect)
  def greet(pid, msg, timeout \\ 5000), do: GenServer.call(pid, {:greet, msg}, timeout)

  def init(connect) do
    {:ok, socket} = connect.(self())
    {:ok, %{async_pid: socket}}
  end

  def handle_call({:greet, msg}, _from, state) do
    :ok = WebSocket.send_message(state.async_pid, msg)

    receive do
      {:message_received, answer} ->
        {:reply, answer, state}
    end
  end
end

defmodule ImmediateCoordinator do
  use GenServer

  def start(connect \\ &WebSocket.start_link/1), do: GenServer.start(__MODULE__, connect)
  def greet(pid, msg, timeout \\ 5000), do: GenServer.call(pid, {:greet, msg}, timeout)

  def init(connect) do
    {:ok, socket} = connect.(self())
    {:ok, %{async_pid: socket}}
  end

  def handle_call({:greet, msg}, _from, state) do
    :ok = WebSocket.send_message(state.async_pid, msg)
    {:reply, "ok", state}
  end

  def handle_info({:message_received, _msg}, state) do
    {:noreply, state}
  end
end

# The next step: a queue of callers ----------------------------------------------------------------

defmodule FifoCoordinator do
  use GenServer

  def start(connect \\ &WebSocket.start_link/1), do: GenServer.start(__MODULE__, connect)
  def greet(pid, msg, timeout \\ 5000), do: GenServer.call(pid, {:greet, msg}, timeout)

  def init(connect) do
    {:ok, socket} = connect.(self())
    {:ok, %{async_pid: socket, callers: :queue.new()}}
  end

  def handle_call({:greet, msg}, from, state) do
    :ok = WebSocket.send_message(state.async_pid, msg)
    {:noreply, %{state | callers: :queue.in(from, state.callers)}}
  end

  def handle_info({:message_received, msg}, state) do
    case :queue.out(state.callers) do
      {{:value, from}, callers} ->
        GenServer.reply(from, msg)
        {:noreply, %{state | callers: callers}}

      {:empty, _callers} ->
        {:noreply, state}
    end
  end
end

# A reference for each request, which the other side repeats in its answer -------------------------

defmodule KeyedWebSocket do
  use GenServer

  def start_link(caller), do: GenServer.start_link(__MODULE__, caller)
  def send_message(pid, msg, ref), do: GenServer.cast(pid, {:send_message, msg, ref})

  def init(caller), do: {:ok, %{caller: caller}}

  def handle_cast({:send_message, msg, ref}, state) do
    send(state.caller, {:message_received, "#{msg} to you too!", ref})
    {:noreply, state}
  end
end

defmodule KeyedCoordinator do
  use GenServer

  def start(connect \\ &KeyedWebSocket.start_link/1), do: GenServer.start(__MODULE__, connect)
  def greet(pid, msg, timeout \\ 5000), do: GenServer.call(pid, {:greet, msg}, timeout)

  def init(connect) do
    {:ok, socket} = connect.(self())
    {:ok, %{async_pid: socket, callers: %{}}}
  end

  def handle_call({:greet, msg}, {pid, _tag} = from, state) do
    ref = Process.monitor(pid)
    :ok = KeyedWebSocket.send_message(state.async_pid, msg, ref)
    {:noreply, put_in(state.callers[ref], from)}
  end

  def handle_info({:message_received, msg, ref}, state) do
    case Map.pop(state.callers, ref) do
      {nil, _callers} ->
        {:noreply, state}

      {from, callers} ->
        Process.demonitor(ref, [:flush])
        GenServer.reply(from, msg)
        {:noreply, %{state | callers: callers}}
    end
  end

  # The caller has ended. The Python is told when the call ends, even if the caller lives on.
  def handle_info({:DOWN, ref, :process, _pid, _reason}, state) do
    {:noreply, %{state | callers: Map.delete(state.callers, ref)}}
  end
end

# A bad network ------------------------------------------------------------------------------------

defmodule FaultyLink do
  # The socket's end of the network. The socket sends to it as if it were the coordinator, to which
  # it passes on the answers. A fault happens to the first answer only. Times are milliseconds.
  use GenServer

  def between(start_socket, network) do
    fn caller ->
      {:ok, line} = GenServer.start_link(__MODULE__, {caller, network})
      start_socket.(line)
    end
  end

  def init({caller, network}), do: {:ok, %{caller: caller, network: network}}

  def handle_info(message, %{network: network} = state) do
    pass(network.fault, message, state)
    {:noreply, %{state | network: %{network | fault: nil}}}
  end

  defp pass(fault, message, %{caller: caller, network: network}) do
    case fault do
      nil -> Process.send_after(caller, message, network.delay)
      "crash" -> raise "the network crashes"
      "drop" -> :dropped
      "late" -> Process.send_after(caller, message, network.delay + network.timeout + network.late)
      "reorder" -> Process.send_after(caller, message, network.delay + network.hold)
      "duplicate" -> for _ <- 1..2, do: Process.send_after(caller, message, network.delay)
    end
  end
end

# To see it run ------------------------------------------------------------------------------------

defmodule Demo do
  @coordinators [
    {"blocking", BlockingCoordinator, &WebSocket.start_link/1},
    {"immediate", ImmediateCoordinator, &WebSocket.start_link/1},
    {"single", Coordinator, &WebSocket.start_link/1},
    {"fifo", FifoCoordinator, &WebSocket.start_link/1},
    {"keyed", KeyedCoordinator, &KeyedWebSocket.start_link/1}
  ]

  @faults ["none", "drop", "late", "duplicate", "reorder", "crash"]

  # Three callers, each of which calls before the previous one has its answer; with every
  # coordinator and every fault, all at once.
  def run(network \\ %{delay: 200, timeout: 1500, late: 500, hold: 250}, apart \\ 50) do
    Logger.configure(level: :none)

    for({name, module, socket} <- @coordinators, fault <- @faults, do: {name, module, socket, fault})
    |> Enum.map(fn case -> Task.async(fn -> play(case, network, apart) end) end)
    |> Enum.each(fn task -> IO.puts(Task.await(task, :infinity)) end)
  end

  defp play({name, module, socket, fault}, network, apart) do
    network = Map.put(network, :fault, if(fault == "none", do: nil, else: fault))
    {:ok, coordinator} = module.start(FaultyLink.between(socket, network))

    outcomes =
      Enum.map(["A", "B", "C"], fn msg ->
        caller = Task.async(fn -> ask(module, coordinator, msg, network.timeout) end)
        Process.sleep(apart)
        caller
      end)
      |> Enum.map(&Task.await(&1, :infinity))

    Enum.join([name, fault | outcomes], ", ")
  end

  defp ask(module, coordinator, msg, timeout) do
    module.greet(coordinator, msg, timeout)
  catch
    :exit, {:timeout, _} -> "timed out"
    :exit, _ -> "failed"
  end
end
